import { padTo4 } from '../../src/ops/dispatch.js'
import { normalPair, streamKey, threefry2x32, type Stream } from '../../src/random.js'

/** The ε that the engine draws for a batch, `[B, Z]`: rows are padded to whole vectors, two values share a draw. */
export function drawnNoise(seed: number, stream: Stream, counter: number, B: number, Z: number): Float32Array {
  const [key0, key1] = streamKey(seed, stream)
  const pairs = padTo4(Z) / 2
  return Float32Array.from({ length: B * Z }, (_, i) => {
    const [n, j] = [Math.floor(i / Z), i % Z]
    return normalPair(...threefry2x32(key0, key1, n * pairs + Math.floor(j / 2), counter))[j % 2]
  })
}

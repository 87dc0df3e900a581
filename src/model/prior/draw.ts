import { padTo4 } from '../../ops/dispatch.js'
import { NO_UPDATE } from '../../ops/update.js'
import { streamKey, STREAMS } from '../../random.js'
import { MOST_STEPS } from '../../schedule/step.js'
import { columns } from '../../tensor.js'
import { programRows, writeLabels } from '../inference.js'
import type { Codes } from '../latents/latent.js'
import type { ModelRuntime, Program } from '../runtime.js'
import type { PixelCnn } from './pixel-cnn.js'

/** What to draw. */
export interface CodeDraws {
  count: number
  seed: number
  /** One an image, of a prior that is conditional. */
  labels?: Uint32Array
  temperature: number
}

/**
 * Maps of codes `[count, h, w]`, drawn code by code: each takes a pass over the network, which then knows all before it.
 * A row of the map goes into a submission, and nothing but the codes comes back.
 */
export async function drawCodes(runtime: ModelRuntime<PixelCnn>, draws: CodeDraws): Promise<Codes> {
  const { input: { h, w }, positions: P } = runtime.model
  const { count } = draws
  const request = { batch: programRows(count), input: { type: 'codes' }, noise: 'mean', output: 'codes' } as const
  const data = new Uint32Array(count * P)
  await runtime.with(request, async (program) => {
    for (let first = 0; first < count; first += program.batch) {
      const size = Math.min(program.batch, count - first)
      data.set(await drawRows(runtime, program, draws, first, size), first * P)
    }
  })
  return { shape: [count, h, w], data }
}

/** The codes of the images from `first` on, as many as fit the program. */
async function drawRows(
  runtime: ModelRuntime<PixelCnn>,
  program: Program,
  { seed, labels, temperature }: CodeDraws,
  first: number,
  size: number,
): Promise<Uint32Array> {
  const { context: { uniform }, model: { input: { w }, positions: P } } = runtime
  const codes = program.executable.buffer(program.codes!)
  runtime.writeBuffer(codes, 0, new Uint32Array(program.codes!.elements)) // what the last draw has left
  if (labels) writeLabels(runtime, program, labels.subarray(first, first + size))
  const key = streamKey(seed, STREAMS.CODES)
  const fixed = { ...NO_UPDATE, batch: size, slot: 0, row: 0, noiseRows: first, counter: 0, seed: key, klWeight: 1 }
  const together = Math.min(w, MOST_STEPS)
  for (let from = 0; ; from += together) {
    runtime.check()
    const end = Math.min(from + together, P)
    for (let p = from; p < end; p++) uniform.set(p - from, { ...fixed, cursor: p, scale: 1 / temperature })
    uniform.upload(end - from)
    const encoder = runtime.encoder('draw codes')
    const pass = encoder.beginComputePass({ label: 'draw codes' })
    for (let p = from; p < end; p++) program.executable.encodeSlice(pass, p - from)
    pass.end()
    const range = { buffer: codes, offsetBytes: 0, sizeBytes: 4 * size * padTo4(P) }
    const read = await runtime.readback(encoder, [range]) // row by row, which keeps the queue short
    if (end === P) return new Uint32Array(columns(read, size, padTo4(P), 0, P).buffer)
  }
}

// Values that TypeScript and Python compute alike, bit for bit, so that a fixture of a large model need not store its
// inputs: formula.py has the same functions. Only whole numbers and correctly rounded operations (+ − × ÷ √), then one
// rounding to 32 bits; no exp, no logarithm.

/** A well mixed 32-bit number of `index` in the sequence `seed`: MurmurHash3's finaliser. */
export function hash(index: number, seed: number): number {
  let h = (index + Math.imul(seed, 0x9e3779b9)) >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Uniform in [0, 1): the upper 24 bits of the hash. */
export function uniform(index: number, seed: number): number {
  return (hash(index, seed) >>> 8) / 2 ** 24
}

/** `count` values uniform in [−limit, limit). */
export function uniformArray(count: number, seed: number, limit = 1): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => (2 * uniform(i, seed) - 1) * limit)
}

/** `count` values of mean 0 and variance 1: four uniforms summed, which is normal enough to stand for noise. */
export function normalArray(count: number, seed: number): Float32Array {
  const u = (i: number) => uniform(i, seed)
  return Float32Array.from({ length: count }, (_, i) => {
    const sum = u(4 * i) + u(4 * i + 1) + u(4 * i + 2) + u(4 * i + 3)
    return (sum - 2) * Math.sqrt(3)
  })
}

/** A sequence of its own for every name. */
export function seedOf(name: string, seed: number): number {
  let state = seed
  for (const character of name) state = hash(character.charCodeAt(0), state)
  return state
}

/**
 * Parameters of the given names and shapes: weights uniform in ±√(6 / (fan in + fan out)), biases in ±0.05.
 */
export function formulaParameters(
  shapes: Record<string, number[]>,
  seed: number,
): Record<string, { shape: number[]; data: Float32Array }> {
  const tensors = Object.entries(shapes).map(([name, shape]) => {
    const count = shape.reduce((product, n) => product * n, 1)
    const [out, into = 0, ...kernel] = shape
    const fans = kernel.reduce((product, n) => product * n, out + into)
    const limit = shape.length === 1 ? 0.05 : Math.sqrt(6 / fans)
    return [name, { shape, data: uniformArray(count, seedOf(name, seed), limit) }]
  })
  return Object.fromEntries(tensors)
}

/**
 * `count` images `[height, width, channels]` of bytes: in each channel two overlapping round blobs on black, a smooth
 * stand-in for strokes. A pixel is ⌊255·(1 − r²/R²)⌋ of the blob that is brightest there.
 */
export function blobBytes(count: number, [H, W, C]: readonly [number, number, number], seed: number): Uint8Array {
  const bytes = new Uint8Array(count * H * W * C)
  const radius = 1 + Math.max(H, W) / 4
  for (let n = 0; n < count; n++) {
    for (let c = 0; c < C; c++) {
      for (let blob = 0; blob < 2; blob++) {
        const index = ((n * C + c) * 2 + blob) * 2
        const row = uniform(index, seed) * (H - 1)
        const column = uniform(index + 1, seed) * (W - 1)
        for (let h = 0; h < H; h++) {
          for (let w = 0; w < W; w++) {
            const squared = (h - row) * (h - row) + (w - column) * (w - column)
            const brightness = Math.floor(255 * Math.max(0, 1 - squared / (radius * radius)))
            const pixel = ((n * H + h) * W + w) * C + c
            bytes[pixel] = Math.max(bytes[pixel], brightness)
          }
        }
      }
    }
  }
  return bytes
}

/** Bytes as the engine reads them: divided by 255. */
export function bytesToFloats(bytes: Uint8Array): Float32Array {
  return Float32Array.from(bytes, (byte) => byte / 255)
}

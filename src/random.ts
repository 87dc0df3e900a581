import { readWhole } from './checks.js'

/**
 * Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a
 * pure function of key and counter, so any number of any sequence can be had alone, in any order, on CPU and GPU alike.
 * `shaders/lib/threefry.wgsl` is the same function.
 *
 * key = (low 32 bits of the seed, high 21 bits of the seed | stream << 24), see `streamKey`.
 * counter = (index of the draw, position): what an index and a position are is said beside each stream.
 */

/**
 * What a sequence of numbers is for. Two uses with one seed never share a number, because the stream is part of the
 * key.
 */
export const STREAMS = {
  /** Initial weights. index: element of the parameter; position: number of the parameter. */
  INIT: 1,
  /**
   * ε of the reparameterisation in training. index: pair of values within the batch's `[batch, latent]`, of a recurrent
   * model `[batch, steps, latent]`, rows padded to fours; position: number of the batch.
   * A row of a von Mises-Fisher latent also takes a u, at index 2³¹ + row.
   */
  NOISE: 2,
  /** Order of the images in an epoch. index: number of the draw; position: epoch. */
  SHUFFLE: 3,
  /** Latents drawn from the prior. index: pair of values within `[count, latent]`, or number of the code; position: 0. */
  SAMPLE: 4,
  /** The drawn digits. index: number of the draw; position: image. */
  GLYPHS: 5,
  /** Order of the labels of the drawn digits. index: number of the draw; position: block of ten images. */
  GLYPH_LABELS: 6,
  /** Dynamic binarisation of images. index: pair of pixels within the batch, images padded to fours; position: step. */
  BINARIZE: 7,
  /** ε while evaluating. index: pair of values within the batch's `[batch, latent]`; position: number of the batch. */
  EVALUATE: 8,
  /** ε of the importance-weighted bound. index: pair of values; position: number of the batch. */
  IMPORTANCE: 9,
  /** Mirroring of images. index: image within the batch; position: step. */
  FLIP: 10,
  /** Encoder outputs that dead codes start again from. index: code; position: step. */
  REVIVE: 11,
  /** z drawn from the prior beside a batch. index: pair of values within `[batch, latent]`; position: step. */
  PRIOR: 12,
  /** Codes drawn from a trained prior. index: image; position: place in the map. */
  CODES: 13,
} as const

export type Stream = (typeof STREAMS)[keyof typeof STREAMS]

/**
 * The 20-round Threefry-2x32 block cipher: two 32-bit words from a 64-bit key and a 64-bit counter.
 * Arguments are taken modulo 2³²; results are unsigned.
 */
export function threefry2x32(key0: number, key1: number, counter0: number, counter1: number): [number, number] {
  const out = new Uint32Array(2)
  threefryInto(out, key0, key1, counter0, counter1)
  return [out[0], out[1]]
}

/** `threefry2x32` without an allocation: writes the two words to `out[0]` and `out[1]`. */
export function threefryInto(out: Uint32Array, key0: number, key1: number, counter0: number, counter1: number): void {
  let a = key0 | 0
  let b = key1 | 0
  let c = 0x1bd11bda ^ a ^ b
  let x0 = (counter0 + a) | 0
  let x1 = (counter1 + b) | 0
  for (let group = 1; group <= 5; group++) {
    const odd = (group & 1) === 1
    x0 = (x0 + x1) | 0
    x1 = rotateLeft(x1, odd ? 13 : 17) ^ x0
    x0 = (x0 + x1) | 0
    x1 = rotateLeft(x1, odd ? 15 : 29) ^ x0
    x0 = (x0 + x1) | 0
    x1 = rotateLeft(x1, odd ? 26 : 16) ^ x0
    x0 = (x0 + x1) | 0
    x1 = rotateLeft(x1, odd ? 6 : 24) ^ x0
    const first = a
    a = b
    b = c
    c = first
    x0 = (x0 + a) | 0
    x1 = (x1 + b + group) | 0
  }
  out[0] = x0
  out[1] = x1
}

/**
 * The key of one stream of a seed, as the two words that `threefry2x32` and the kernels take.
 * Throws SpecError unless the seed is a whole number from 0 to 2⁵³ − 1.
 */
export function streamKey(seed: number, stream: Stream): [number, number] {
  readWhole(seed, 'seed', 0)
  return [seed >>> 0, (Math.floor(seed / 2 ** 32) | (stream << 24)) >>> 0]
}

/** The upper 24 bits as a number in [0, 1): exact in float32, so TypeScript and WGSL agree to the bit. */
export function uniformFromBits(bits: number): number {
  return (bits >>> 8) * 2 ** -24
}

/** The upper 23 bits as a number in (0, 1): exact in float32. */
export function uniformInside(bits: number): number {
  return ((bits >>> 9) + 0.5) * 2 ** -23
}

/**
 * Two independent standard normal values from two words (Box–Muller). The radius takes 1 − u, which lies in (0, 1], so
 * the logarithm never sees 0 and |value| ≤ √(48 ln 2) ≈ 5.77. WGSL computes the same formula in float32.
 */
export function normalPair(bits0: number, bits1: number): [number, number] {
  const radius = Math.sqrt(-2 * Math.log(1 - uniformFromBits(bits0)))
  const angle = 2 * Math.PI * (uniformFromBits(bits1) - 0.5)
  return [radius * Math.cos(angle), radius * Math.sin(angle)]
}

/** Numbers one after another from one place: seed, stream and position; the index counts up from 0. */
export class Random {
  readonly #key: [number, number]
  readonly #position: number
  readonly #words = new Uint32Array(2)
  #drawn = 0
  #spare: number | undefined

  /**
   * @param position the counter's second word, a whole number below 2³²: whatever the stream's sequences are numbered
   * by.
   */
  constructor(seed: number, stream: Stream, position = 0) {
    this.#key = streamKey(seed, stream)
    this.#position = position
  }

  /** 32 random bits as an unsigned integer. */
  bits(): number {
    const half = this.#drawn & 1
    if (half === 0) threefryInto(this.#words, this.#key[0], this.#key[1], this.#drawn / 2, this.#position)
    this.#drawn++
    return this.#words[half]
  }

  /** Uniform in [0, 1), a multiple of 2⁻²⁴. */
  uniform(): number {
    return uniformFromBits(this.bits())
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform()
  }

  /** A whole number from 0 to `bound − 1`, every one equally likely; `bound` from 1 to 2³². */
  integer(bound: number): number {
    const limit = 2 ** 32 - (2 ** 32 % bound) // words from here on would favour the small results
    let word = this.bits()
    while (word >= limit) word = this.bits()
    return word % bound
  }

  /** Standard normal. */
  normal(): number {
    const spare = this.#spare
    if (spare !== undefined) {
      this.#spare = undefined
      return spare
    }
    const [first, second] = normalPair(this.bits(), this.bits())
    this.#spare = second
    return first
  }
}

/**
 * 0 … count − 1 in random order (Fisher–Yates, every order equally likely as far as the generator goes): the order in
 * which epoch `epoch` visits the images. It depends on its arguments only, so a resumed run goes on in the same order.
 */
export function shuffledOrder(count: number, seed: number, epoch: number): Uint32Array {
  const random = new Random(seed, STREAMS.SHUFFLE, epoch)
  const order = Uint32Array.from({ length: count }, (_, index) => index)
  for (let last = count - 1; last > 0; last--) {
    const other = random.integer(last + 1)
    const kept = order[last]
    order[last] = order[other]
    order[other] = kept
  }
  return order
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

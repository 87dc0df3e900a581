import {
  convBackwardInput, convBackwardWeight, convForward, convWeightParts, type ConvShape,
} from '../../../src/ops/conv.js'
import { padTo4 } from '../../../src/ops/dispatch.js'
import { activationBackward, activationForward } from '../activation.js'
import { tapsBackward, tapsForward } from '../conv.js'
import { activationOf } from './values.js'
import {
  columnOf, FUNCTION_BOUND, summed, tensors, total, whole,
  type Bindings, type Constants, type Expected, type Given, type KernelCase, type Reference, type Size, type Summed,
} from './case.js'

type Values = ArrayLike<number>

const LIMITS: Record<string, number> = { b: 0.05 }

/** Inputs in ±1, weights as a layer of that many inputs has them; an image whose size is no multiple of 4 is padded. */
function inputs(constants: Constants, seed: number, bindings: Bindings): Record<string, Float32Array> {
  const { H, W, Ci, Ho, Wo, Co, Kh, Kw, Hm, Wm, M, Hf, Wf, F } = constants
  const sizes: Record<string, number> = {
    x: H * W * Ci, dy: Ho * Wo * Co, many: Hm * Wm * M, few: Hf * Wf * F,
    skip: 'y' in bindings ? Ho * Wo * Co : H * W * Ci, activated: 'y' in bindings ? Ho * Wo * Co : H * W * Ci,
  }
  const isRead: Record<string, boolean> = {
    x: true, dy: true, many: true, few: true, w: true,
    b: Boolean(constants.BIAS), skip: Boolean(constants.SKIP), activated: Boolean(constants.ACTIVATED),
  }
  const named = Object.entries(bindings).filter(([name]) => isRead[name])
  return Object.fromEntries(
    named.map(([name, tensor]) => {
      const limit = name === 'w' ? Math.sqrt(6 / (Kh * Kw * (Ci + Co))) : (LIMITS[name] ?? 1)
      const values = whole(name, seed, tensor, limit)
      const size = sizes[name]
      if (size) clearPadding(values, size)
      return [name, values]
    }),
  )
}

function clearPadding(values: Float32Array, size: number): void {
  for (let image = 0; image < values.length; image += padTo4(size)) values.fill(0, image + size, image + padTo4(size))
}

/** (act(Σ) + skip) · act'(activated), each part where it is there. */
function finish({ constants, before }: Given, output: string, index: number, { value: sum, bound }: Summed): Expected {
  const { ACTIVATION, SKIP, ACTIVATED } = constants
  let [value] = activationForward([sum], activationOf(constants))
  if (SKIP) value += before.skip[index]
  if (ACTIVATED) [value] = activationBackward([before.activated[index]], [value], activationOf(constants, '_X'))
  return { output, index, value, bound: bound + (ACTIVATION ? FUNCTION_BOUND : 0) }
}

/** One output: the reference's for the pixels below its window, zeros outside the image, and one filter. */
function forward(given: Given): Expected[] {
  const { H, W, Ci, Ho, Wo, Co, Kh, Kw, S, PAD_TOP, PAD_LEFT, BIAS } = given.constants
  const { x, w, b } = given.before
  const window = { B: 1, H: Kh, W: Kw, Ci, Ho: 1, Wo: 1, Co: 1, Kh, Kw, S: 1, top: 0, left: 0 }
  const sumOf = (x: Values, w: Values, b: Values) => tapsForward(x, w, b, window)
  return given.places('y').map((index) => {
    const at = placeOf(index, { h: Ho, w: Wo, channels: Co })
    if (!at) return { output: 'y', index, value: 0, bound: 0 }
    const origin = { n: at.n, row: at.row * S - PAD_TOP, column: at.column * S - PAD_LEFT }
    const pixels = patch({ values: x, h: H, w: W, channels: Ci }, origin, Kh, Kw)
    const filter = channelsFirst(w.subarray(at.channel * Kh * Kw * Ci, (at.channel + 1) * Kh * Kw * Ci), Ci)
    return finish(given, 'y', index, summed(sumOf, pixels, filter, [BIAS ? b[at.channel] : 0]))
  })
}

/** One input's gradient: the reference's for that pixel and channel, and the outputs whose windows may hold it. */
function backwardInput(given: Given): Expected[] {
  const { H, W, Ci, Ho, Wo, Co, Kh, Kw, S, PAD_TOP, PAD_LEFT, BIAS } = given.constants
  const { dy, w, b } = given.before
  const [rows, columns] = [Math.ceil(Kh / S), Math.ceil(Kw / S)]
  return given.places('dx').map((index) => {
    const at = placeOf(index, { h: H, w: W, channels: Ci })
    if (!at) return { output: 'dx', index, value: 0, bound: 0 }
    const [row, column] = [Math.ceil((at.row + PAD_TOP - Kh + 1) / S), Math.ceil((at.column + PAD_LEFT - Kw + 1) / S)]
    const [top, left] = [PAD_TOP + at.row - row * S, PAD_LEFT + at.column - column * S]
    const window = { B: 1, H: 1, W: 1, Ci: 1, Ho: rows, Wo: columns, Co, Kh, Kw, S, top, left }
    const sumOf = (w: Values, dy: Values, b: Values) => [tapsBackward([0], w, dy, window).dx[0] + b[0]]
    const outputs = patch({ values: dy, h: Ho, w: Wo, channels: Co }, { n: at.n, row, column }, rows, columns)
    const weights = columnOf(w, Co * Kh * Kw, Ci, at.channel)
    // A transposed convolution is this gradient, with its bias.
    return finish(given, 'dx', index, summed(sumOf, weights, outputs, [BIAS ? b[at.channel] : 0]))
  })
}

/** dw of one filter, tap and channel, and db of the filters or, where transposed, of the channels. */
function backwardWeight({ constants, before, places }: Given): Expected[] {
  const { B, H, W, Ci, Ho, Wo, Co, Kh, Kw, S, PAD_TOP, PAD_LEFT, TRANSPOSED, SPLITS } = constants
  const slices = { count: SPLITS, stride: Co * Kh * Kw * Ci }
  const many = { values: before.dy, h: Ho, w: Wo, channels: Co }
  const few = { values: before.x, h: H, w: W, channels: Ci }
  const weights = places('dw').map((place) => {
    const index = place % slices.stride
    const [co, tap, ci] = [Math.floor(index / (Kh * Kw * Ci)), Math.floor(index / Ci) % (Kh * Kw), index % Ci]
    const [top, left] = [PAD_TOP - Math.floor(tap / Kw), PAD_LEFT - (tap % Kw)]
    return { output: 'dw', index, ...tapGradient({ B, S, many, few, m: co, f: ci, top, left }), slices }
  })
  return [...weights, ...biases(B, TRANSPOSED ? few : many, SPLITS, places('db'))]
}

/** The same with its own order of weights, and a sign that says which of the images the taps move over. */
function backwardWeightScalar({ constants, before, places }: Given): Expected[] {
  const { B, Hm, Wm, M, Hf, Wf, F, Kh, Kw, S, SIGN, TOP, LEFT, BIAS_OF_FEW } = constants
  const { M_STRIDE, TAP_STRIDE, F_STRIDE, SPLITS } = constants
  const slices = { count: SPLITS, stride: M * Kh * Kw * F }
  const many = { values: before.many, h: Hm, w: Wm, channels: M }
  const few = { values: before.few, h: Hf, w: Wf, channels: F }
  const weights = places('dw').map((place) => {
    const [m, tap, f] = [place % M, Math.floor(place / M) % (Kh * Kw), Math.floor(place / M / Kh / Kw) % F]
    const [top, left] = [-SIGN * Math.floor(tap / Kw) - TOP, -SIGN * (tap % Kw) - LEFT]
    const index = m * M_STRIDE + tap * TAP_STRIDE + f * F_STRIDE
    return { output: 'dw', index, ...tapGradient({ B, S, many, few, m, f, top, left }), slices }
  })
  return [...weights, ...biases(B, BIAS_OF_FEW ? few : many, SPLITS, places('db'))]
}

interface Images {
  values: Float32Array
  h: number
  w: number
  channels: number
}

/** The gradient of one weight: the reference's for a window of that tap alone, over one channel of either images. */
function tapGradient({ B, S, many, few, m, f, top, left }: {
  B: number; S: number; many: Images; few: Images; m: number; f: number; top: number; left: number
}): Summed {
  const taps = { B, H: few.h, W: few.w, Ci: 1, Ho: many.h, Wo: many.w, Co: 1, Kh: 1, Kw: 1, S, top, left }
  const weight = (x: Values, dy: Values) => tapsBackward(x, [0], dy, taps).dw
  return summed(weight, channelOf(few, B, f), channelOf(many, B, m))
}

function biases(B: number, images: Images, splits: number, places: number[]): Expected[] {
  const slices = { count: splits, stride: images.channels }
  return places.map((place) => {
    const index = place % images.channels
    return { output: 'db', index, ...summed(total, channelOf(images, B, index)), slices }
  })
}

/** Image, pixel and channel of a value; undefined in the padding behind an image. */
function placeOf(index: number, { h, w, channels }: Omit<Images, 'values'>) {
  const stride = padTo4(h * w * channels)
  const at = index % stride
  if (at >= h * w * channels) return undefined
  const pixel = Math.floor(at / channels)
  return { n: Math.floor(index / stride), row: Math.floor(pixel / w), column: pixel % w, channel: at % channels }
}

/** A part of an image, (rows, columns, channels), with zeros outside. */
function patch(
  { values, h, w, channels }: Images,
  { n, row, column }: { n: number; row: number; column: number },
  rows: number,
  columns: number,
): Float32Array {
  const part = new Float32Array(rows * columns * channels)
  for (let i = Math.max(0, -row); i < Math.min(rows, h - row); i++) {
    for (let j = Math.max(0, -column); j < Math.min(columns, w - column); j++) {
      const from = n * padTo4(h * w * channels) + ((row + i) * w + column + j) * channels
      part.set(values.subarray(from, from + channels), (i * columns + j) * channels)
    }
  }
  return part
}

/** One channel of all images, (B, h, w). */
function channelOf({ values, h, w, channels }: Images, B: number, channel: number): Float32Array {
  const stride = padTo4(h * w * channels)
  return Float32Array.from({ length: B * h * w }, (_, i) => {
    return values[Math.floor(i / (h * w)) * stride + (i % (h * w)) * channels + channel]
  })
}

/** The taps of a filter (Kh, Kw, Ci) in PyTorch's order (Ci, Kh, Kw). */
function channelsFirst(filter: Float32Array, Ci: number): Float32Array {
  const taps = filter.length / Ci
  return Float32Array.from(filter, (_, i) => filter[(i % taps) * Ci + Math.floor(i / taps)])
}

/** dw = Σ_s parts_w[s]      db = Σ_s parts_b[s] */
const convReduce: Reference = {
  inputs: (_, seed, { parts_w, parts_b }) => ({
    parts_w: whole('parts_w', seed, parts_w),
    parts_b: whole('parts_b', seed, parts_b),
  }),
  expected: ({ constants: { NW, NB, SPLITS }, before, places }) => {
    const sums = (output: string, parts: Float32Array, count: number) =>
      places(output).map((place): Expected => {
        const index = place % count
        return { output, index, ...summed(total, columnOf(parts, SPLITS, count, index)) }
      })
    return [...sums('dw', before.parts_w, NW), ...sums('db', before.parts_b, NB)]
  },
}

/** A strided convolution of odd sizes; the last layers of `conv` where a step has none. */
function layer({ B, of }: Size, Ci: number, Co: number): ConvShape {
  const sizes = of({ H: 5, W: 7, Ho: 3, Wo: 4, S: 2 }, { H: 14, W: 14, Ho: 14, Wo: 14, S: 1 })
  return { B, ...sizes, Ci, Co, Kh: 3, Kw: 3, padTop: 1, padLeft: 1 }
}

function tensorsOf(shape: ConvShape) {
  const { B, H, W, Ci, Ho, Wo, Co, Kh, Kw } = shape
  const [input, output, w] = [B * padTo4(H * W * Ci), B * padTo4(Ho * Wo * Co), Co * Kh * Kw * Ci]
  const slices = convWeightParts(shape, false) ?? { dw: 4, db: 4 }
  const parts = tensors({ parts_w: slices.dw, parts_b: slices.db })
  const images = { x: input, dx: input, dskip: input, y: output, dy: output, skip: output }
  return { ...tensors({ ...images, w, b: Co, dw: w, db: Co }), parts: { dw: parts.parts_w, db: parts.parts_b } }
}

/** Channels in and out: for the tiles of vectors, for few channels on either side, and for any number. */
function layers(size: Size): ConvShape[] {
  const channels = size.of([[8, 4], [4, 1], [1, 8], [3, 5]], [[64, 64], [32, 1], [1, 32]])
  return channels.map(([Ci, Co]) => layer(size, Ci, Co))
}

const gradients = (size: Size) => layers(size).flatMap((shape) => convBackwardWeight(tensorsOf(shape), shape))

/** Each with its tilings, which are chosen by the channels. */
export const convCases: KernelCase[] = [
  {
    kernel: 'conv_forward',
    inputs,
    expected: forward,
    dispatches: (size) => layers(size).map((shape) => convForward(tensorsOf(shape), shape, 'tanh')),
  },
  {
    kernel: 'conv_backward_input',
    inputs,
    expected: backwardInput,
    dispatches: (size) => layers(size).map((shape) => convBackwardInput(tensorsOf(shape), shape, 'relu')),
  },
  {
    kernel: 'conv_backward_weight',
    inputs,
    expected: backwardWeight,
    dispatches: (size) => gradients(size).filter(({ kernel }) => kernel === 'conv_backward_weight'),
  },
  {
    kernel: 'conv_backward_weight_scalar',
    inputs,
    expected: backwardWeightScalar,
    dispatches: (size) => gradients(size).filter(({ kernel }) => kernel === 'conv_backward_weight_scalar'),
  },
  {
    kernel: 'conv_reduce',
    ...convReduce,
    dispatches: (size) => gradients(size).filter(({ kernel }) => kernel === 'conv_reduce').slice(0, 1),
  },
]

import { padTo4 } from '../../../src/ops/dispatch.js'
import { activationBackward, activationForward } from '../../../test/reference/activation.js'
import { activationOf } from '../values.js'
import { FUNCTION_BOUND, Sum, whole, type Bindings, type Constants, type Expected, type Given, type Reference } from './reference.js'

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

/** (act(b + Σ) + skip) · act'(activated), each part where it is there; 0 in an image's padding. */
function finish(given: Given, output: string, index: number, channel: number, sum: Sum): Expected {
  const { constants, before } = given
  const { BIAS, ACTIVATION, SKIP, ACTIVATED } = constants
  if (BIAS) sum.add(before.b[channel])
  let [value] = activationForward([sum.value], activationOf(constants))
  if (SKIP) value += before.skip[index]
  if (ACTIVATED) [value] = activationBackward([before.activated[index]], [value], activationOf(constants, '_X'))
  return { output, index, value, bound: sum.bound + (ACTIVATION ? FUNCTION_BOUND : 0) }
}

/** Σ = Σ_{kh,kw,ci} x[n, ho·S + kh − PAD_TOP, wo·S + kw − PAD_LEFT, ci] · w[co,kh,kw,ci] */
function forward(given: Given): Expected[] {
  const { H, W, Ci, Ho, Wo, Co, Kh, Kw, S, PAD_TOP, PAD_LEFT } = given.constants
  const { x, w } = given.before
  const [imageX, imageY] = [padTo4(H * W * Ci), padTo4(Ho * Wo * Co)]
  return given.places('y').map((index) => {
    const at = index % imageY
    if (at >= Ho * Wo * Co) return { output: 'y', index, value: 0, bound: 0 }
    const [n, pixel, co] = [Math.floor(index / imageY), Math.floor(at / Co), at % Co]
    const [ho, wo] = [Math.floor(pixel / Wo), pixel % Wo]
    const sum = new Sum()
    for (let kh = 0; kh < Kh; kh++) {
      const h = ho * S + kh - PAD_TOP
      if (h < 0 || h >= H) continue
      for (let kw = 0; kw < Kw; kw++) {
        const wi = wo * S + kw - PAD_LEFT
        if (wi < 0 || wi >= W) continue
        const fromX = n * imageX + (h * W + wi) * Ci
        const fromW = ((co * Kh + kh) * Kw + kw) * Ci
        for (let ci = 0; ci < Ci; ci++) sum.add(x[fromX + ci] * w[fromW + ci])
      }
    }
    return finish(given, 'y', index, co, sum)
  })
}

/** Σ = Σ_{kh,kw,co} dy[n,ho,wo,co] · w[co,kh,kw,ci] over the taps with ho·S + kh − PAD_TOP = h, and so for w */
function backwardInput(given: Given): Expected[] {
  const { H, W, Ci, Ho, Wo, Co, Kh, Kw, S, PAD_TOP, PAD_LEFT } = given.constants
  const { dy, w } = given.before
  const [imageX, imageY] = [padTo4(H * W * Ci), padTo4(Ho * Wo * Co)]
  return given.places('dx').map((index) => {
    const at = index % imageX
    if (at >= H * W * Ci) return { output: 'dx', index, value: 0, bound: 0 }
    const [n, pixel, ci] = [Math.floor(index / imageX), Math.floor(at / Ci), at % Ci]
    const [h, wi] = [Math.floor(pixel / W), pixel % W]
    const sum = new Sum()
    for (let kh = 0; kh < Kh; kh++) {
      const ho = (h + PAD_TOP - kh) / S
      if (!Number.isInteger(ho) || ho < 0 || ho >= Ho) continue
      for (let kw = 0; kw < Kw; kw++) {
        const wo = (wi + PAD_LEFT - kw) / S
        if (!Number.isInteger(wo) || wo < 0 || wo >= Wo) continue
        const fromY = n * imageY + (ho * Wo + wo) * Co
        const fromW = (kh * Kw + kw) * Ci + ci
        for (let co = 0; co < Co; co++) sum.add(dy[fromY + co] * w[fromW + co * Kh * Kw * Ci])
      }
    }
    return finish(given, 'dx', index, ci, sum)
  })
}

/** dw[co,kh,kw,ci] = Σ_{n,ho,wo} dy[n,ho,wo,co] · x[n, ho·S + kh − PAD_TOP, …, ci]; db = Σ dy or Σ x */
function backwardWeight({ constants, before, places }: Given): Expected[] {
  const { B, H, W, Ci, Ho, Wo, Co, Kh, Kw, S, PAD_TOP, PAD_LEFT, TRANSPOSED, SPLITS } = constants
  const slices = { count: SPLITS, stride: Co * Kh * Kw * Ci }
  const many = { values: before.dy, h: Ho, w: Wo, channels: Co }
  const few = { values: before.x, h: H, w: W, channels: Ci }
  const weights = places('dw').map((place) => {
    const index = place % slices.stride
    const [co, tap, ci] = [Math.floor(index / (Kh * Kw * Ci)), Math.floor(index / Ci) % (Kh * Kw), index % Ci]
    const [kh, kw] = [Math.floor(tap / Kw), tap % Kw]
    const sum = correlate({ B, S, many, few, m: co, f: ci, top: kh - PAD_TOP, left: kw - PAD_LEFT })
    return { output: 'dw', index, value: sum.value, bound: sum.bound, slices }
  })
  return [...weights, ...biases(B, TRANSPOSED ? few : many, SPLITS, places('db'))]
}

/** dw[m,kh,kw,f] = Σ_{n,i,j} many[n,i,j,m] · few[n, i·S ± kh + TOP, j·S ± kw + LEFT, f]; db = Σ many or Σ few */
function backwardWeightScalar({ constants, before, places }: Given): Expected[] {
  const { B, Hm, Wm, M, Hf, Wf, F, Kh, Kw, S, SIGN, TOP, LEFT, BIAS_OF_FEW } = constants
  const { M_STRIDE, TAP_STRIDE, F_STRIDE, SPLITS } = constants
  const slices = { count: SPLITS, stride: M * Kh * Kw * F }
  const many = { values: before.many, h: Hm, w: Wm, channels: M }
  const few = { values: before.few, h: Hf, w: Wf, channels: F }
  const weights = places('dw').map((place) => {
    const [m, tap, f] = [place % M, Math.floor(place / M) % (Kh * Kw), Math.floor(place / M / Kh / Kw) % F]
    const [kh, kw] = [Math.floor(tap / Kw), tap % Kw]
    const sum = correlate({ B, S, many, few, m, f, top: SIGN * kh + TOP, left: SIGN * kw + LEFT })
    const index = m * M_STRIDE + tap * TAP_STRIDE + f * F_STRIDE
    return { output: 'dw', index, value: sum.value, bound: sum.bound, slices }
  })
  return [...weights, ...biases(B, BIAS_OF_FEW ? few : many, SPLITS, places('db'))]
}

interface Images {
  values: Float32Array
  h: number
  w: number
  channels: number
}

/** Σ_{n,i,j} many[n,i,j,m] · few[n, i·S + top, j·S + left, f], few being 0 outside its image */
function correlate(t: {
  B: number; S: number; many: Images; few: Images; m: number; f: number; top: number; left: number
}): Sum {
  const { B, S, many, few, m, f, top, left } = t
  const sum = new Sum()
  for (let n = 0; n < B; n++) {
    const [manyAt, fewAt] = [n * imageSize(many) + m, n * imageSize(few) + f]
    for (let i = 0; i < many.h; i++) {
      const row = i * S + top
      if (row < 0 || row >= few.h) continue
      for (let j = 0; j < many.w; j++) {
        const column = j * S + left
        if (column < 0 || column >= few.w) continue
        const a = many.values[manyAt + (i * many.w + j) * many.channels]
        sum.add(a * few.values[fewAt + (row * few.w + column) * few.channels])
      }
    }
  }
  return sum
}

function imageSize({ h, w, channels }: Images): number {
  return padTo4(h * w * channels)
}

function biases(B: number, images: Images, splits: number, places: number[]): Expected[] {
  const { values, h, w, channels } = images
  const slices = { count: splits, stride: channels }
  return places.map((place) => {
    const index = place % channels
    const sum = new Sum()
    for (let n = 0; n < B; n++) {
      for (let pixel = 0; pixel < h * w; pixel++) sum.add(values[n * imageSize(images) + pixel * channels + index])
    }
    return { output: 'db', index, value: sum.value, bound: sum.bound, slices }
  })
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
        const sum = new Sum()
        for (let s = 0; s < SPLITS; s++) sum.add(parts[s * count + index])
        return { output, index, value: sum.value, bound: sum.bound }
      })
    return [...sums('dw', before.parts_w, NW), ...sums('db', before.parts_b, NB)]
  },
}

/** By kernel, for its tilings too. */
export const convReferences: Record<string, Reference> = {
  conv_forward: { inputs, expected: forward },
  conv_backward_input: { inputs, expected: backwardInput },
  conv_backward_weight: { inputs, expected: backwardWeight },
  conv_backward_weight_scalar: { inputs, expected: backwardWeightScalar },
  conv_reduce: convReduce,
}

import type { ConvShape } from './conv.js'
import { eachTap, transposeWindow, type Taps } from './window.js'

type Values = ArrayLike<number>

/** The size of the output. */
export function convTransposeOutput({ H, W, Kh, Kw, S, padding }: ConvShape): { Ho: number; Wo: number } {
  return { Ho: transposeWindow(H, Kh, S, padding).output, Wo: transposeWindow(W, Kw, S, padding).output }
}

/**
 * The gradient of a convolution with respect to its input, plus b: what reads x there is written here.
 *
 * y[n, h·S + kh − top, w·S + kw − left, co] += x[n,h,w,ci] · w[ci,co,kh,kw]
 *
 * x (B, H, W, Ci)   w [Ci, Co, Kh, Kw]   b (Co)   y (B, Ho, Wo, Co)
 */
export function convTransposeForward(x: Values, w: Values, b: Values, shape: ConvShape): Float64Array {
  const { B, Co } = shape
  const { Ho, Wo } = convTransposeOutput(shape)
  const y = Float64Array.from({ length: B * Ho * Wo * Co }, (_, i) => b[i % Co])
  eachTap(reversedTaps(shape), (yi, wi, xi) => (y[yi] += x[xi] * w[wi]))
  return y
}

/** Every product's share: dx += dy · w, dw += dy · x, db += dy. */
export function convTransposeBackward(x: Values, w: Values, dy: Values, shape: ConvShape) {
  const dx = new Float64Array(x.length)
  const dw = new Float64Array(w.length)
  const db = new Float64Array(shape.Co)
  eachTap(reversedTaps(shape), (yi, wi, xi) => {
    dx[xi] += dy[yi] * w[wi]
    dw[wi] += dy[yi] * x[xi]
  })
  for (let i = 0; i < dy.length; i++) db[i % shape.Co] += dy[i]
  return { dx, dw, db }
}

/** The taps of the convolution from y to x. */
function reversedTaps(shape: ConvShape): Taps {
  const { B, H, W, Ci, Co, Kh, Kw, S, padding } = shape
  const { Ho, Wo } = convTransposeOutput(shape)
  const top = transposeWindow(H, Kh, S, padding).before
  const left = transposeWindow(W, Kw, S, padding).before
  return { B, H: Ho, W: Wo, Ci: Co, Ho: H, Wo: W, Co: Ci, Kh, Kw, S, top, left }
}

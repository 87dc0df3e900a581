import type { Padding } from '../../src/model/spec.js'
import { convWindow, eachTap, type Taps } from './window.js'

type Values = ArrayLike<number>

/** Images are (batch, row, column, channel); weights are PyTorch's. */
export interface ConvShape {
  B: number
  H: number
  W: number
  Ci: number
  Co: number
  Kh: number
  Kw: number
  S: number
  padding: Padding
}

/** The size of the output. */
export function convOutput({ H, W, Kh, Kw, S, padding }: ConvShape): { Ho: number; Wo: number } {
  return { Ho: convWindow(H, Kh, S, padding).output, Wo: convWindow(W, Kw, S, padding).output }
}

/**
 * y[n,ho,wo,co] = b[co] + Σ x[n, ho·S + kh − top, wo·S + kw − left, ci] · w[co,ci,kh,kw]
 *
 * x (B, H, W, Ci)   w [Co, Ci, Kh, Kw]   b (Co)   y (B, Ho, Wo, Co)
 */
export function convForward(x: Values, w: Values, b: Values, shape: ConvShape): Float64Array {
  return tapsForward(x, w, b, taps(shape))
}

/** dx, dw and db of {@link convForward}. */
export function convBackward(x: Values, w: Values, dy: Values, shape: ConvShape) {
  return tapsBackward(x, w, dy, taps(shape))
}

/** {@link convForward} with any padding: `top` and `left` of its taps. */
export function tapsForward(x: Values, w: Values, b: Values, taps: Taps): Float64Array {
  const y = Float64Array.from({ length: taps.B * taps.Ho * taps.Wo * taps.Co }, (_, i) => b[i % taps.Co])
  eachTap(taps, (xi, wi, yi) => (y[yi] += x[xi] * w[wi]))
  return y
}

/** Every product's share: dx += dy · w, dw += dy · x, db += dy. */
export function tapsBackward(x: Values, w: Values, dy: Values, taps: Taps) {
  const dx = new Float64Array(x.length)
  const dw = new Float64Array(w.length)
  const db = new Float64Array(taps.Co)
  eachTap(taps, (xi, wi, yi) => {
    dx[xi] += dy[yi] * w[wi]
    dw[wi] += dy[yi] * x[xi]
  })
  for (let i = 0; i < dy.length; i++) db[i % taps.Co] += dy[i]
  return { dx, dw, db }
}

function taps(shape: ConvShape): Taps {
  const { H, W, Kh, Kw, S, padding } = shape
  const top = convWindow(H, Kh, S, padding).before
  const left = convWindow(W, Kw, S, padding).before
  return { ...shape, ...convOutput(shape), top, left }
}

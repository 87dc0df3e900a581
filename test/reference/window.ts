import type { Padding } from '../../src/model/spec.js'

/** Where a window of k values slides over n of them, s at a time. */
export interface Window {
  /** Number of its places. */
  output: number
  /** Padding before the first value: the first window begins at −before. */
  before: number
}

/**
 * A convolution's window. A number pads both sides by so many, as PyTorch does; 'same' is TensorFlow's rule: as few as
 * give ⌈n/s⌉ places, the smaller half first.
 */
export function convWindow(n: number, k: number, s: number, padding: Padding): Window {
  if (padding !== 'same') return { output: Math.floor((n + 2 * padding - k) / s) + 1, before: padding }
  const output = Math.ceil(n / s)
  const total = Math.max((output - 1) * s + k - n, 0)
  return { output, before: Math.floor(total / 2) }
}

/** A transposed convolution's: `output` values, over which the convolution it is the gradient of takes its n places. */
export function transposeWindow(n: number, k: number, s: number, padding: Padding): Window {
  const output = padding === 'same' ? n * s : (n - 1) * s - 2 * padding + k
  return { output, before: convWindow(output, k, s, padding).before }
}

/** A convolution from images x (B, H, W, Ci) to y (B, Ho, Wo, Co), weights [Co, Ci, Kh, Kw]. */
export interface Taps {
  B: number
  H: number
  W: number
  Ci: number
  Ho: number
  Wo: number
  Co: number
  Kh: number
  Kw: number
  S: number
  top: number
  left: number
}

/** Visits every product x · w of a convolution with the indices of x, w and the y it adds to. */
export function eachTap(taps: Taps, visit: (x: number, w: number, y: number) => void): void {
  const { B, H, W, Ci, Ho, Wo, Co, Kh, Kw, S, top, left } = taps
  for (let n = 0; n < B; n++) {
    for (let ho = 0; ho < Ho; ho++) {
      for (let wo = 0; wo < Wo; wo++) {
        for (let kh = 0; kh < Kh; kh++) {
          const h = ho * S + kh - top
          if (h < 0 || h >= H) continue
          for (let kw = 0; kw < Kw; kw++) {
            const w = wo * S + kw - left
            if (w < 0 || w >= W) continue
            for (let co = 0; co < Co; co++) {
              for (let ci = 0; ci < Ci; ci++) {
                const xi = ((n * H + h) * W + w) * Ci + ci
                const wi = ((co * Ci + ci) * Kh + kh) * Kw + kw
                const yi = ((n * Ho + ho) * Wo + wo) * Co + co
                visit(xi, wi, yi)
              }
            }
          }
        }
      }
    }
  }
}

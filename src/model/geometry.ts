import { SpecError } from '../errors.js'
import type { ConvShape } from '../ops/conv.js'
import type { ImageShape } from './shapes.js'
import type { ConvSpec, ConvTransposeSpec } from './spec.js'

/**
 * A convolution from H × W × Ci to Ho × Wo × Co. A transposed convolution is described by the convolution whose
 * gradient it is, which maps its output to its input.
 */
export type ConvGeometry = Omit<ConvShape, 'B'>

/** @throws SpecError when the kernel does not fit into the padded image */
export function convGeometry(spec: ConvSpec, { h, w, c }: ImageShape, path: string): ConvGeometry {
  const { filters, kernel, stride = 1, padding = 'same' } = spec
  if (padding !== 'same' && kernel > Math.min(h, w) + 2 * padding) {
    throw new SpecError(
      `${path}.kernel`,
      `a ${kernel} × ${kernel} kernel does not fit into ${h + 2 * padding} × ${w + 2 * padding}, ` +
        `the image of ${h} × ${w} with a padding of ${padding}`,
    )
  }
  const [Ho, padTop] = convAxis(h, kernel, stride, padding)
  const [Wo, padLeft] = convAxis(w, kernel, stride, padding)
  return { H: h, W: w, Ci: c, Ho, Wo, Co: filters, Kh: kernel, Kw: kernel, S: stride, padTop, padLeft }
}

/**
 * The underlying convolution: the given image is its output.
 * @throws SpecError when the padding leaves no output
 */
export function convTransposeGeometry(spec: ConvTransposeSpec, { h, w, c }: ImageShape, path: string): ConvGeometry {
  const { filters, kernel, stride = 1, padding = 'same' } = spec
  const [H, padTop] = convTransposeAxis(h, kernel, stride, padding)
  const [W, padLeft] = convTransposeAxis(w, kernel, stride, padding)
  if (H < 1 || W < 1) {
    throw new SpecError(
      `${path}.padding`,
      `leaves an output of ${H} × ${W} = (n − 1) · stride − 2 · padding + kernel from ${h} × ${w}, needs 1 × 1 or more`,
    )
  }
  return { H, W, Ci: filters, Ho: h, Wo: w, Co: c, Kh: kernel, Kw: kernel, S: stride, padTop, padLeft }
}

/** Output size and leading padding along one axis. */
function convAxis(n: number, kernel: number, stride: number, padding: 'same' | number): [size: number, before: number] {
  if (padding !== 'same') return [Math.floor((n + 2 * padding - kernel) / stride) + 1, padding]
  const size = Math.ceil(n / stride)
  const total = Math.max((size - 1) * stride + kernel - n, 0)
  return [size, Math.floor(total / 2)]
}

function convTransposeAxis(n: number, kernel: number, stride: number, padding: 'same' | number): [number, number] {
  if (padding !== 'same') return [(n - 1) * stride - 2 * padding + kernel, padding]
  return [n * stride, convAxis(n * stride, kernel, stride, padding)[1]]
}

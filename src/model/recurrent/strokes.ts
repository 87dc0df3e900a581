import type { PlanTensor } from '../../ops/dispatch.js'
import type { ParameterSpec } from '../parameters.js'
import type { UnrolledLstm } from './lstm.js'
import type { Unrolled } from './unrolled.js'

/** Images as they are read and drawn: values count in the order (channel, row, column). */
export interface CanvasShape {
  h: number
  w: number
  c: number
}

/** How the encoder reads the image and the decoder writes on the canvas. */
export interface Brush {
  /** Values that the encoder reads of image and error image together. */
  readonly inputs: number
  parameters(): ParameterSpec[]
  unroll(page: Page): Strokes
}

/** What reading and writing are pushed with. */
export interface Page {
  unrolled: Unrolled
  encoder: UnrolledLstm
  decoder: UnrolledLstm
  /** The images to read; none when latents alone are decoded. */
  x?: PlanTensor
  /** Rows of the canvas whose gradient is known, a multiple of 8. */
  images: number
}

/** Reading and writing in the steps of a plan. */
export interface Strokes {
  /** Pushes what the encoder's product reads in step t. */
  read(t: number): void
  /** Pushes what the decoder's state after step t writes. */
  write(t: number): void
  /** The canvas after step t, once that step is pushed. */
  canvas(t: number): PlanTensor
  /** Pushes the gradient by the decoder's state after step t, from that of the canvas after it. */
  writeBackward(t: number, dcanvas: PlanTensor): void
  /** Adds to the gradient by the canvas, and starts that by the decoder's state, what step t has read of them. */
  readBackward(t: number, dcanvas: PlanTensor): void
  /** Whether the first step's reading has parameters, so that its gradient is needed. */
  readonly learnsToRead: boolean
  /** Pushes the gradients of the parameters, over all steps. */
  finish(): void
}

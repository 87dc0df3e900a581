/**
 * Images with optional labels, held as bytes: what training and evaluation read.
 * The engine keeps it on the GPU as it is and divides by 255 there.
 */
export interface Dataset {
  /** `[height, width, channels]` of one image. */
  readonly shape: [height: number, width: number, channels: number]
  /** Number of images. */
  readonly count: number
  /** `count · height · width · channels` bytes, row-major `[count, height, width, channels]`. */
  readonly images: Uint8Array
  /** One class index an image, or undefined. */
  readonly labels?: Uint8Array
}

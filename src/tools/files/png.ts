import { encode } from 'fast-png'

type Shape = readonly [height: number, width: number, channels: number]

/** An image of bytes, row-major `[height, width, channels]`, as a PNG file. @param channels 1 (grey) or 3 (colours) */
export function writePng(data: Uint8Array, [height, width, channels]: Shape): Uint8Array {
  return encode({ width, height, data, channels, depth: 8 })
}

/** Images side by side, `columns` a row, with a pixel of white between them. What a last row lacks is white. */
export function tile(images: Uint8Array, shape: Shape, columns: number): { data: Uint8Array; shape: Shape } {
  const [height, width, channels] = shape
  const size = height * width * channels
  const count = images.length / size
  const rows = Math.ceil(count / columns)
  const [wide, high] = [columns * (width + 1) - 1, rows * (height + 1) - 1]
  const data = new Uint8Array(high * wide * channels).fill(255)
  for (let n = 0; n < count; n++) {
    const [left, top] = [(n % columns) * (width + 1), Math.floor(n / columns) * (height + 1)]
    for (let y = 0; y < height; y++) {
      const from = n * size + y * width * channels
      data.set(images.subarray(from, from + width * channels), ((top + y) * wide + left) * channels)
    }
  }
  return { data, shape: [high, wide, channels] }
}

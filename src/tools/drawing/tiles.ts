import { theme } from './theme.js'

type Shape = readonly [height: number, width: number, channels: number]

/**
 * Paints images side by side, `columns` a row, one canvas pixel a pixel. Grey images are printed in the page's ink on
 * its paper; three channels are colours.
 */
export function paintTiles(canvas: HTMLCanvasElement, bytes: Uint8Array, shape: Shape, columns = 1): void {
  const [height, width, channels] = shape
  const size = height * width * channels
  const rows = Math.ceil(bytes.length / size / columns)
  canvas.width = columns * width
  canvas.height = rows * height
  const context = canvas.getContext('2d')!
  const picture = context.createImageData(canvas.width, canvas.height)
  const { paper, ink } = theme()
  for (let i = 0; i < bytes.length / channels; i++) {
    const tile = Math.floor(i / (height * width))
    const row = Math.floor(tile / columns) * height + (Math.floor(i / width) % height)
    const column = (tile % columns) * width + (i % width)
    const target = 4 * (row * canvas.width + column)
    for (let c = 0; c < 3; c++) {
      const value = bytes[i * channels + (channels === 3 ? c : 0)]
      picture.data[target + c] = channels === 3 ? value : paper[c] + (value / 255) * (ink[c] - paper[c])
    }
    picture.data[target + 3] = 255
  }
  context.putImageData(picture, 0, 0)
}

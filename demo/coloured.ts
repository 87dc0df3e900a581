import { dataset, type Dataset } from '../src/index.js'
import { uniforms } from '../src/tools/drawing/random.js'

const side = 32

type Rgb = [red: number, green: number, blue: number]

/** Grey images of at most 32 × 32 in the middle of 32 × 32 × 3, each with an ink and a pale paper of its own. */
export function coloured(grey: Dataset<Uint8Array>, seed: number): Dataset<Uint8Array> {
  const { images, shape: [height, width], count, labels } = grey
  const random = uniforms(seed)
  const pixels = new Uint8Array(count * side * side * 3)
  const [top, left] = [(side - height) >> 1, (side - width) >> 1]
  for (let image = 0; image < count; image++) {
    const ink = rgb(random(), 0.75, 0.36)
    const paper = rgb(random(), 0.65, 0.88)
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        const [y, x] = [row - top, column - left]
        const inside = y >= 0 && y < height && x >= 0 && x < width
        const grey = inside ? images[(image * height + y) * width + x] / 255 : 0
        const at = 3 * ((image * side + row) * side + column)
        for (let c = 0; c < 3; c++) pixels[at + c] = 255 * (paper[c] + grey * (ink[c] - paper[c])) + 0.5
      }
    }
  }
  return dataset({ images: pixels, shape: [side, side, 3], labels })
}

/** Hue, saturation, lightness and the colour's parts, all from 0 to 1 (CSS Color 4, section 7.1). */
function rgb(hue: number, saturation: number, lightness: number): Rgb {
  const chroma = saturation * Math.min(lightness, 1 - lightness)
  const part = (offset: number) => {
    const k = (offset + 12 * hue) % 12
    return lightness - chroma * Math.max(-1, Math.min(k - 3, 9 - k, 1))
  }
  return [part(0), part(8), part(4)]
}

import { Random, STREAMS } from '../../random.js'

const mostColumns = 15

/** What to ask of a conditional model's decoder: row-major, `rows · columns` latents and as many labels. */
export interface StyleGrid {
  rows: number
  columns: number
  /** `[rows · columns, latent]`: the same draw of the prior all along a row. */
  latents: Float32Array
  /** The same label all down a column: the classes from 0 on, 15 at most. */
  labels: number[]
}

/** A grid with one style a row and one class a column. */
export function styleGrid(latentSize: number, classes: number, rows = 10, seed = 1): StyleGrid {
  const columns = Math.min(classes, mostColumns)
  const random = new Random(seed, STREAMS.SAMPLE)
  const latents = new Float32Array(rows * columns * latentSize)
  for (let row = 0; row < rows; row++) {
    const style = Float32Array.from({ length: latentSize }, () => random.normal())
    for (let column = 0; column < columns; column++) latents.set(style, (row * columns + column) * latentSize)
  }
  return { rows, columns, latents, labels: Array.from({ length: rows * columns }, (_, i) => i % columns) }
}

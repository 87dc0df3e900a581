import { normalQuantile } from './normal.js'

/** Pictures a side of the grid. */
export const gridSide = 15

/** Points that cut the prior into tiles of equal probability; x grows to the right, y upwards. */
export function quantileGrid(): Float32Array {
  const quantiles = Array.from({ length: gridSide }, (_, i) => normalQuantile((i + 0.5) / gridSide))
  const at = (fraction: number) => quantiles[Math.round(fraction * (gridSide - 1))]
  return fillGrid(2, (across, down, i) => (i === 0 ? at(across) : at(1 - down)))
}

/** One code a tile, row by row from the top; `across` and `down` run from 0 to 1. */
export function fillGrid(size: number, value: (across: number, down: number, i: number) => number): Float32Array {
  return Float32Array.from({ length: gridSide * gridSide * size }, (_, flat) => {
    const tile = Math.floor(flat / size)
    return value((tile % gridSide) / (gridSide - 1), Math.floor(tile / gridSide) / (gridSide - 1), flat % size)
  })
}

/** Every style of `size` numbers in every class, for `decode`: a style a row, a class a column. */
export function styleGrid(styles: Float32Array, size: number, classes: number) {
  const latents = new Float32Array(styles.length * classes)
  const labels = Array.from({ length: latents.length / size }, (_, tile) => tile % classes)
  labels.forEach((_, tile) => {
    const row = Math.floor(tile / classes)
    latents.set(styles.subarray(row * size, (row + 1) * size), tile * size)
  })
  return { latents, labels }
}

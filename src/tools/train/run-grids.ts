import type { Dataset, Tensor, Vae } from '../../index.js'
import { decodeGrid, gridSide, sampleSeed, styleGrid, type LatentGrid } from '../drawing/grids.js'
import { gather, oneOfEach } from '../drawing/images.js'
import { normals } from '../drawing/random.js'

// Which images a run's pictures show, whoever draws them: a page with its canvas, or a process without one.

/** Whether values are a picture's channels. */
export function isDrawable({ shape: [, , channels] }: Dataset): boolean {
  return channels === 1 || channels === 3
}

/** Also `independent`: beside the samples of a trained prior, images of codes each drawn alone. */
export type RunGrid = LatentGrid | 'independent'

/** The grids that suit a model without labels. */
export function gridsOf({ spec: { latent, recurrent }, prior }: Vae): RunGrid[] {
  if (latent.type === 'deterministic') return ['interpolations']
  if (prior) return ['samples', 'independent']
  return latent.type === 'gaussian' && latent.size === 2 && !recurrent ? ['samples', 'manifold'] : ['samples']
}

/** Decodes one of them, row by row from the top. */
export function decodeRunGrid(vae: Vae, grid: RunGrid, test: Dataset): Promise<Tensor> {
  if (grid === 'independent') return vae.sample(gridSide * gridSide, { seed: sampleSeed, independent: true })
  return decodeGrid(vae, grid, gather(test, oneOfEach(test, 4)))
}

const styleCount = 10
const mostColumns = 15

/** What to decode for a conditional model: each row is one draw of the prior, each column one class, from 0 on. */
export function stylesOf({ spec: { latent: { type, size } } }: Vae, classes: number) {
  const [rows, columns] = [styleCount, Math.min(classes, mostColumns)]
  const styles = normals(rows * size, 1)
  return { ...styleGrid(type === 'von-mises-fisher' ? directions(styles, size) : styles, size, columns), rows, columns }
}

/** Every row scaled to length 1. */
function directions(rows: Float32Array, size: number): Float32Array {
  const length = (row: number) => Math.hypot(...rows.subarray(row * size, (row + 1) * size))
  return rows.map((value, i) => value / length(Math.floor(i / size)))
}

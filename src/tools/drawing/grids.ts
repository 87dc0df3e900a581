import type { Tensor, Vae, VaeSpec } from '../../index.js'
import { normalQuantile } from './normal.js'

/** Images per side of the grid. */
export const gridSide = 15
/** Of the draws of `samples`. */
export const sampleSeed = 1

/**
 * A grid of decoded images. `manifold`: points of a latent plane that cut the prior into equal probabilities;
 * `samples`: draws of the prior; `interpolations`: codes between those of four images, where there is no prior.
 */
export type LatentGrid = 'manifold' | 'samples' | 'interpolations'

/** Whether codes are drawn from a prior and its KL divergence is a part of the loss. */
export function hasKl({ latent }: VaeSpec): boolean {
  return latent.type !== 'deterministic' && latent.type !== 'vector-quantized'
}

/** The grid that suits a model without labels. */
export function gridOf({ latent }: VaeSpec): LatentGrid {
  if (latent.type === 'deterministic') return 'interpolations'
  return latent.type === 'gaussian' && latent.size === 2 ? 'manifold' : 'samples'
}

/** Decodes a grid, row by row from the top; `images` has those for the corners of `interpolations`. */
export async function decodeGrid(vae: Vae, grid: LatentGrid, images: Float32Array): Promise<Tensor> {
  if (grid === 'samples') return vae.sample(gridSide * gridSide, { seed: sampleSeed })
  if (grid === 'manifold') return vae.decode(quantileGrid())
  const { mean } = await vae.encode(images)
  return vae.decode(between(mean.data, vae.spec.latent.size))
}

/** Codes between the first four of some, one in each corner. */
function between(codes: Float32Array, size: number): Float32Array {
  const last = codes.length / size - 1
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => codes.subarray(Math.min(i, last) * size, (Math.min(i, last) + 1) * size))
  return fillGrid(size, (across, down, i) => {
    const top = a[i] + across * (b[i] - a[i])
    return top + down * (c[i] + across * (d[i] - c[i]) - top)
  })
}

/** Points that cut the prior into tiles of equal probability; x grows to the right, y upwards. */
function quantileGrid(): Float32Array {
  const quantiles = Array.from({ length: gridSide }, (_, i) => normalQuantile((i + 0.5) / gridSide))
  const at = (fraction: number) => quantiles[Math.round(fraction * (gridSide - 1))]
  return fillGrid(2, (across, down, i) => (i === 0 ? at(across) : at(1 - down)))
}

/** One code per tile; `across` and `down` run from 0 to 1. */
function fillGrid(size: number, value: (across: number, down: number, i: number) => number): Float32Array {
  return Float32Array.from({ length: gridSide * gridSide * size }, (_, flat) => {
    const tile = Math.floor(flat / size)
    return value((tile % gridSide) / (gridSide - 1), Math.floor(tile / gridSide) / (gridSide - 1), flat % size)
  })
}

/** Every style of `size` numbers in every class, for `decode`: each row is one style, each column one class. */
export function styleGrid(styles: Float32Array, size: number, classes: number) {
  const latents = new Float32Array(styles.length * classes)
  const labels = Array.from({ length: latents.length / size }, (_, tile) => tile % classes)
  labels.forEach((_, tile) => {
    const row = Math.floor(tile / classes)
    latents.set(styles.subarray(row * size, (row + 1) * size), tile * size)
  })
  return { latents, labels }
}

import { join } from 'node:path'
import type { Dataset, Vae, VaeSpec } from '../../index.js'
import { writeImages } from '../command/write-images.js'
import { gridSide } from '../drawing/grids.js'
import { gather, oneOfEach } from '../drawing/images.js'
import { decodeRunGrid, gridsOf, isDrawable, stylesOf } from './run-grids.js'

/**
 * Draws the pictures of a run that need no canvas: images side by side, without words.
 * @returns their names; a model that broke off may give no images any more @throws CommandError
 */
export async function drawInProcess(
  vae: Vae,
  test: Dataset,
  folder: string,
  brokeOff: boolean,
): Promise<string[]> {
  const { classes } = vae.spec
  if (!isDrawable(test)) return []
  const grids = classes ? [] : gridsOf(vae)
  const pictures: Record<string, () => Promise<Drawn>> = {
    'reconstructions.png': () => reconstructions(vae, test),
    ...Object.fromEntries(grids.map((grid) => [`${grid}.png`, async () => {
      return { columns: gridSide, images: (await decodeRunGrid(vae, grid, test)).data }
    }])),
    ...(classes && { 'styles.png': () => styles(vae, classes) }),
  }
  const drawn: string[] = []
  for (const [name, draw] of Object.entries(pictures)) {
    try {
      const { columns, images, above } = await draw()
      await writeImages({ path: join(folder, name), columns }, images, test.shape, above)
      drawn.push(name)
    } catch (error) {
      if (!brokeOff) throw error
    }
  }
  return drawn
}

/** The pictures of such a run that a page alone draws, as they have words, lines or points. */
export function leftOut({ latent, recurrent }: VaeSpec, anomalies: boolean): string[] {
  const isPlane = latent.type !== 'vector-quantized' && latent.size === 2 && !recurrent
  const isGlobe = latent.type === 'von-mises-fisher' && latent.size === 3
  return [
    'loss.png',
    ...(isPlane || isGlobe ? ['latent.png'] : []),
    ...(isGlobe ? ['manifold.png'] : []),
    ...(recurrent ? ['canvases.png'] : []),
    ...(anomalies ? ['anomalies.png'] : []),
  ]
}

/** Images for a sheet; `above` are others that go above each row. */
interface Drawn {
  columns: number
  images: Float32Array
  above?: Float32Array
}

/** Test images of all classes, and what the decoder makes of their mean code. */
async function reconstructions(vae: Vae, test: Dataset): Promise<Drawn> {
  const columns = 10
  const chosen = oneOfEach(test, 2 * columns)
  const above = gather(test, chosen)
  const options = vae.spec.classes ? { labels: chosen.map((index) => test.labels![index]) } : {}
  return { columns, images: (await vae.reconstruct(above, options)).data, above }
}

async function styles(vae: Vae, classes: number): Promise<Drawn> {
  const { latents, labels, columns } = stylesOf(vae, classes)
  return { columns, images: (await vae.decode(latents, { labels })).data }
}

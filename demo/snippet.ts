import { recipes } from '../src/index.js'
import type { ModelInfo } from './messages.js'
import { hasKl, type PresetName } from './models.js'
import type { Settings } from './settings.js'

/** What the page found out once there was an engine. */
type Found = Pick<ModelInfo, 'batchSize' | 'narrowFilters'>

/** The program that trains what the page trains; until an engine is found, with the recipe's batch size. */
export function snippet({ preset, data, learningRate, klWeight, seed }: Settings, found?: Found): string {
  const recipe = recipes[preset].batchSize
  const batch = (found?.batchSize ?? recipe) === recipe ? 'batchSize' : `batchSize: ${found?.batchSize}`
  const weight = hasKl(preset) ? ` klWeight: ${klWeight},` : ''
  return `import * as elbo from 'elbo'
const engine = await elbo.createEngine()
const { optimizer, batchSize } = elbo.recipes.${preset}
${model(preset, found?.narrowFilters)}, { seed: ${seed} })
${images(preset, data)}
const run = vae.train(images, {
  optimizer: { ...optimizer, learningRate: ${learningRate} },
  ${batch},${weight} epochs: 20 })
for await (const { loss } of run) console.log(loss)
const file = await vae.save()`
}

function model(preset: PresetName, narrowFilters?: number): string {
  if (preset !== 'vectorQuantized') return `const vae = await engine.createVae(\n  elbo.presets.${preset}`
  const copy = narrowFilters
    ? `const preset = JSON.stringify(elbo.presets.${preset})
const spec = JSON.parse(preset.replaceAll(':128', ':${narrowFilters}'))`
    : `const spec = structuredClone(elbo.presets.${preset})`
  return `${copy}
spec.latent.codebookUpdate = 'moving-average'
const vae = await engine.createVae(spec`
}

function images(preset: PresetName, data: Settings['data']): string {
  if (preset === 'vectorQuantized') {
    return `const shape = [32, 32, 3]
const images = elbo.dataset({ images: pixels, shape })`
  }
  return `const images = ${data === 'glyphs' ? 'elbo.glyphs({ count: 20_000, seed: 1 })' : 'await elbo.idx(imageFile, labelFile)'}`
}

import { recipes } from '../src/index.js'
import type { ModelInfo } from './messages.js'
import { hasKl } from './models.js'
import type { Settings } from './settings.js'

/** What the page found out once there was an engine. */
type Found = Pick<ModelInfo, 'batchSize' | 'narrowFilters' | 'dataName'>

/** The program that trains what the page trains; until an engine is found, with the recipe's batch size. */
export function snippet(settings: Settings, found?: Found): string {
  const program = settings.preset === 'vectorQuantized' ? codesProgram : latentProgram
  return `import * as elbo from 'elbo'
const engine = await elbo.createEngine()
${program(settings, found)}
for await (const { loss } of run) console.log(loss)
const file = await vae.save()`
}

function latentProgram({ preset, data, learningRate, klWeight, seed }: Settings, found?: Found): string {
  const recipe = recipes[preset].batchSize
  const own = (found?.batchSize ?? recipe) === recipe
  const images = data === 'glyphs' ? 'elbo.glyphs({ count: 20_000, seed: 1 })' : 'await elbo.idx(imageFile, labelFile)'
  return `const { optimizer${own ? ', batchSize' : ''} } = elbo.recipes.${preset}
const vae = await engine.createVae(
  elbo.presets.${preset}, { seed: ${seed} })
const images = ${images}
const run = vae.train(images, {
  optimizer: { ...optimizer, learningRate: ${learningRate} },
  ${own ? 'batchSize' : `batchSize: ${found?.batchSize}`},${hasKl(preset) ? ` klWeight: ${klWeight},` : ''} epochs: 20 })`
}

function codesProgram({ preset, learningRate, seed }: Settings, found?: Found): string {
  const spec = found?.narrowFilters
    ? `const preset = JSON.stringify(elbo.presets.${preset})
const spec = JSON.parse(preset.replaceAll(':128', ':${found.narrowFilters}'))`
    : `const spec = structuredClone(elbo.presets.${preset})`
  const images =
    found?.dataName === 'cifar'
      ? 'const images = await elbo.cifar(file)'
      : `const shape = [32, 32, 3]
const images = elbo.dataset({ images: pixels, shape })`
  return `${spec}
spec.latent.codebookUpdate = 'moving-average'
const vae = await engine.createVae(spec, { seed: ${seed} })
${images}
const run = vae.train(images, {
  optimizer: elbo.adam({ learningRate: ${learningRate} }),
  batchSize: ${found?.batchSize ?? recipes[preset].batchSize}, epochs: 20 })`
}

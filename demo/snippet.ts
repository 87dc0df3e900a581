import { recipes } from '../src/index.js'
import type { Settings } from './settings.js'

/** The program that trains what the page trains; `batchSize` is the recipe's unless given. */
export function snippet({ preset, data, learningRate, klWeight, seed }: Settings, batchSize?: number): string {
  const recipe = recipes[preset].batchSize
  const images = data === 'glyphs' ? 'elbo.glyphs({ count: 20_000, seed: 1 })' : 'await elbo.idx(imageFile, labelFile)'
  const batch = (batchSize ?? recipe) === recipe ? 'batchSize' : `batchSize: ${batchSize}`
  return `import * as elbo from 'elbo'
const engine = await elbo.createEngine()
const { optimizer, batchSize } = elbo.recipes.${preset}
const vae = await engine.createVae(
  elbo.presets.${preset}, { seed: ${seed} })
const images = ${images}
const run = vae.train(images, {
  optimizer: { ...optimizer, learningRate: ${learningRate} },
  ${batch}, klWeight: ${klWeight}, epochs: 20 })
for await (const { loss } of run) console.log(loss)
const file = await vae.save()`
}

import type { Settings } from './settings.js'

/** The program that trains what the page trains. */
export function snippet({ preset, data, learningRate, klWeight, seed }: Settings): string {
  const images = data === 'glyphs' ? 'elbo.glyphs({ count: 20_000, seed: 1 })' : 'await elbo.idx(imageFile, labelFile)'
  return `import * as elbo from 'elbo'
const engine = await elbo.createEngine()
const { optimizer, batchSize } = elbo.recipes.${preset}
const vae = await engine.createVae(
  elbo.presets.${preset}, { seed: ${seed} })
const images = ${images}
const run = vae.train(images, {
  optimizer: { ...optimizer, learningRate: ${learningRate} },
  batchSize, klWeight: ${klWeight}, epochs: 20 })
for await (const { loss } of run) console.log(loss)
const file = await vae.save()`
}

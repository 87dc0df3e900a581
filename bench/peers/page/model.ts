import { presets, recipes, type Optimizer, type Recipe, type VaeSpec } from '../../../src/index.js'
import { checkSpec } from '../../../src/model/check.js'
import { formulaBatch } from '../../../test/fixtures.js'
import { formulaParameters, hash } from '../../../test/reference/formula.js'
import type { Batch, Model, PlainOptimizer } from './contestant.js'

const BATCHES = 16

/** Weights and batches from the formula: the same in every page. */
export function modelOf(preset: string, batch: number, seed: number, count = BATCHES): Model {
  const spec = (presets as Record<string, VaeSpec>)[preset]
  if (spec?.latent.type !== 'gaussian') throw new Error(`there is no preset "${preset}" with a gaussian latent`)
  const { optimizer } = (recipes as Record<string, Recipe>)[preset]
  const batches = Array.from({ length: count }, (_, i): Batch => {
    const { images, noise } = formulaBatch(spec, batch, seed + i)
    const { classes } = spec
    const labels = classes && Array.from({ length: batch }, (_, n) => hash(n, seed + i) % classes)
    return { images, noise: noise!, ...(labels && { labels }) }
  })
  const shapes = Object.fromEntries(checkSpec(spec).parameters().map(({ name, shape }) => [name, shape]))
  return { spec, optimizer: plain(optimizer), parameters: formulaParameters(shapes, seed), batches }
}

function plain(optimizer: Optimizer): PlainOptimizer {
  const { type, clipNorm = 0, learningRate } = optimizer
  const isPlain = type === 'adam' || (type === 'rmsprop' && optimizer.momentum === 0)
  if (isPlain && clipNorm === 0 && typeof learningRate === 'number') return { ...optimizer, learningRate }
  throw new Error(`no comparison with ${JSON.stringify(optimizer)}: Adam or plain RMSprop with a constant rate only`)
}

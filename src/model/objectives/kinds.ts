import { SpecError } from '../../errors.js'
import type { Graph } from '../graph.js'
import type { Model } from '../model.js'
import { readBalance } from './balance.js'
import { freeBits } from './free-bits.js'
import { importanceWeighted } from './importance-weighted.js'
import type { Objective, ObjectivePlan, ObjectiveShape } from './objective.js'

/** Every kind of objective beside −ELBO; a step has one of them at most. */
const KINDS = [importanceWeighted, freeBits]

/** The options that ask for an objective. */
export const OBJECTIVE_KEYS = KINDS.map(({ option }) => option)

/**
 * Reads an objective; options that ask for nothing are left out.
 * @throws SpecError unless the numbers are what they may be, and the latent one that they are for
 */
export function readObjective(options: { [Key in keyof Objective]?: unknown }, model: Model, who: string): Objective {
  const objective: Objective = {}
  if (options.balance !== undefined) objective.balance = readBalance(options.balance, model, `${who}.balance`)
  for (const { option, read } of KINDS) {
    const value = options[option] === undefined ? undefined : read(options[option], model.latent, who)
    if (value === undefined) continue
    checkBound(model, `${who}.${option}`)
    const other = KINDS.find((kind) => objective[kind.option] !== undefined)
    if (other) {
      const way = `take ${other.option} ${other.neutral}, or leave this one out`
      throw new SpecError(`${who}.${option}`, `does not go with ${other.option}; ${way}`)
    }
    objective[option] = value
  }
  return objective
}

/** @throws SpecError for a model whose loss is no bound of log p(x) out of one posterior */
export function checkBound({ hasClassifier, discriminator }: Model, path: string): void {
  if (hasClassifier) {
    throw new SpecError(path, 'a model with a classifier has an objective of its own, over all classes; leave this one out')
  }
  if (!discriminator) return
  throw new SpecError(path, 'needs a loss that bounds log p(x), and one with a discriminator compares no pixels; leave it out')
}

/** The objective in a plan; an empty one is −ELBO. */
export function planObjective(objective: Objective, shape: ObjectiveShape, graph: Graph): ObjectivePlan {
  const kind = KINDS.find(({ option }) => objective[option] !== undefined)
  return kind ? kind.plan(objective[kind.option]!, shape, graph) : {}
}

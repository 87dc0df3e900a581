import { adam, rmsprop, sgd } from '../../src/index.js'
import { ACTIVATIONS } from '../../src/ops/activation.js'
import { padRows, type Dispatch, type PlanTensor } from '../../src/ops/dispatch.js'
import { sigmoidForward } from '../../src/ops/likelihood.js'
import { gradientAccumulate, optimizerUpdate } from '../../src/ops/update.js'
import type { Plan } from '../../src/schedule/plan.js'

/** The training step of a preset. */
export interface PresetPlan {
  preset: string
  batch: number
  plan: Plan
}

/** A kernel at one shape. */
export interface Case {
  dispatch: Dispatch
  /** Shape and activation. */
  shape: string
  batch: number
  /** Whose plans launch it. */
  presets: string[]
}

/** Every different dispatch of the plans, then what no training step of a preset launches; sorted by kernel. */
export function casesOf(plans: readonly PresetPlan[]): Case[] {
  const cases = new Map<string, Case>()
  const add = (dispatch: Dispatch, batch: number, preset?: string) => {
    const shape = shapeOf(dispatch)
    const key = `${dispatch.kernel} ${shape} ${JSON.stringify(dispatch.constants)}`
    const known = cases.get(key) ?? { dispatch, shape, batch, presets: [] }
    if (preset && !known.presets.includes(preset)) known.presets.push(preset)
    cases.set(key, known)
  }
  for (const { preset, batch, plan } of plans) {
    for (const dispatch of plan.dispatches) add(dispatch, batch, preset)
  }
  for (const { plan, batch } of plans.slice(0, 1)) {
    const covered = new Set([...cases.values()].map(({ dispatch }) => dispatch.kernel))
    for (const dispatch of beyondTraining(plan, batch)) if (!covered.has(dispatch.kernel)) add(dispatch, batch)
  }
  const size = ({ dispatch: { flops, grid } }: Case) => flops || grid[0] * grid[1] * grid[2]
  return [...cases.values()].sort((a, b) => compare(a.dispatch.kernel, b.dispatch.kernel) || size(b) - size(a))
}

/** The shape, and the activation where it is not linear. */
export function shapeOf({ shape, constants }: Dispatch): string {
  const activation = ACTIVATIONS[constants.ACTIVATION || constants.ACTIVATION_X || 0]
  return activation === 'linear' ? shape : `${shape} ${activation}`
}

/** Images that logits stand for; every update, and the sum over slices, at the size of this plan's parameters. */
function beyondTraining(plan: Plan, batch: number): Dispatch[] {
  const all = plan.dispatches.flatMap(({ bindings }) => Object.entries(bindings))
  const elements = Math.max(...all.filter(([name]) => name === 'parameters').map(([, tensor]) => tensor.elements))
  const B = padRows(batch)
  const N = all.find(([name]) => name === 'x')![1].elements / B
  const tensor = (name: string, count: number): PlanTensor => ({ name, elements: count, storage: 'activation', offset: 0 })
  const arenas = {
    gradients: tensor('gradients', elements),
    parameters: tensor('parameters', elements),
    m: tensor('m', elements),
    v: tensor('v', elements),
    status: tensor('status', 1),
  }
  return [
    sigmoidForward({ x: tensor('x', B * N), y: tensor('y', B * N) }, { B, N }),
    gradientAccumulate({ gradients: arenas.gradients, sum: tensor('sum', elements) }),
    ...[adam(), rmsprop(), sgd({ momentum: 0.9 })].map((optimizer) => optimizerUpdate(arenas, optimizer)),
  ]
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

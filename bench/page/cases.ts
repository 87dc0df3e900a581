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

/** A piece of work and the kernels that do it. */
export interface Case {
  /** The fixed choice, then the tilings that the device can run. */
  dispatches: [Dispatch, ...Dispatch[]]
  /** Shape and activation. */
  shape: string
  batch: number
  /** Whose plans launch it. */
  presets: string[]
}

/** Every different dispatch of the plans, then what no training step of a preset launches; sorted by kernel. */
export function casesOf(plans: readonly PresetPlan[], { features }: GPUDevice): Case[] {
  const cases = new Map<string, Case>()
  const add = (dispatch: Dispatch, batch: number, preset?: string) => {
    const shape = shapeOf(dispatch)
    const key = `${dispatch.kernel} ${shape} ${JSON.stringify(dispatch.constants)}`
    const tilings = tilingsOf(dispatch, features)
    const known = cases.get(key) ?? { dispatches: [dispatch, ...tilings], shape, batch, presets: [] }
    if (preset && !known.presets.includes(preset)) known.presets.push(preset)
    cases.set(key, known)
  }
  for (const { preset, batch, plan } of plans) {
    for (const dispatch of plan.dispatches) add(dispatch, batch, preset)
  }
  for (const { plan, batch } of plans.slice(0, 1)) {
    const covered = new Set([...cases.values()].map(({ dispatches }) => dispatches[0].kernel))
    for (const dispatch of beyondTraining(plan, batch)) if (!covered.has(dispatch.kernel)) add(dispatch, batch)
  }
  const size = ({ dispatches: [{ flops, grid }] }: Case) => flops || grid[0] * grid[1] * grid[2]
  const kernel = ({ dispatches: [{ kernel }] }: Case) => kernel
  return [...cases.values()].sort((a, b) => compare(kernel(a), kernel(b)) || size(b) - size(a))
}

function tilingsOf(dispatch: Dispatch, features: GPUSupportedFeatures): Dispatch[] {
  const able = (dispatch.tilings ?? []).filter(({ requires }) => !requires || features.has(requires))
  return able.map(({ kernel, constants, grid }) => ({ ...dispatch, kernel, constants, grid }))
}

/** The shape, and what tells two dispatches of it apart: activation, derivative (`relu'`), transposition. */
export function shapeOf({ shape, constants }: Dispatch): string {
  const { ACTIVATION, ACTIVATION_X, SKIP, TRANSPOSED } = constants
  const words = [
    shape,
    ACTIVATION ? ACTIVATIONS[ACTIVATION] : '',
    SKIP ? 'skip' : '',
    ACTIVATION_X ? `${ACTIVATIONS[ACTIVATION_X]}'` : '',
    TRANSPOSED ? 'transposed' : '',
  ]
  return words.filter((word) => word !== '').join(' ')
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

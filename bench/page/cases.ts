import { adam, rmsprop, sgd } from '../../src/index.js'
import { padRows, padTo4, type Dispatch, type PlanTensor } from '../../src/ops/dispatch.js'
import { activationBackward, gradientAdd, permuteForward, residualAdd } from '../../src/ops/elementwise.js'
import { importanceBackward, importanceLoss } from '../../src/ops/importance.js'
import { freeBitsLoss, headWidth } from '../../src/ops/latent.js'
import {
  bcePixels, continuousBernoulliLoss, continuousBernoulliMean, gaussianLoss, gaussianPixels, rowReduce, sigmoidForward,
} from '../../src/ops/likelihood.js'
import { codebookAverage, codebookGather, codebookSum } from '../../src/ops/quantize.js'
import { gradientAccumulate, gradientNorm, NORM_PARTIALS, optimizerUpdate } from '../../src/ops/update.js'
import type { Plan } from '../../src/schedule/plan.js'
import { MOST_STEPS } from '../../src/schedule/step.js'
import { kindDispatches } from './kinds.js'
import { activationOf, valuesOf } from './values.js'

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

/** What a device can run, and whether those of its tilings that are for hardware are of interest. */
export interface Ability {
  features: GPUSupportedFeatures
  hardwareTilings: boolean
}

/** Every different dispatch of the plans, then what no training step of a preset launches; sorted by kernel. */
export function casesOf(plans: readonly PresetPlan[], ability: Ability): Case[] {
  const cases = new Map<string, Case>()
  const add = (dispatch: Dispatch, batch: number, preset?: string) => {
    const shape = shapeOf(dispatch)
    const key = `${dispatch.kernel} ${shape} ${JSON.stringify(valuesOf(dispatch))}`
    const tilings = tilingsOf(dispatch, ability)
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

/** The further tilings of a dispatch, as dispatches. */
export function tilingsOf(dispatch: Dispatch, { features, hardwareTilings }: Ability): Dispatch[] {
  const able = (dispatch.tilings ?? []).filter(({ requires, hardwareOnly }) => {
    return (!requires || features.has(requires)) && (hardwareTilings || !hardwareOnly)
  })
  return able.map(({ kernel, constants, grid }) => ({ ...dispatch, kernel, constants, grid }))
}

/** The shape, and what tells two dispatches of it apart: activation, derivative (`relu'`), transposition, lanes a row. */
export function shapeOf(dispatch: Dispatch): string {
  const values = valuesOf(dispatch)
  const named = (suffix: '' | '_X', after = '') => {
    const activation = `ACTIVATION${suffix}` in values ? activationOf(values, suffix) : 'linear'
    return activation === 'linear' ? '' : activation + after
  }
  const words = [
    dispatch.shape,
    named(''),
    values.SKIP ? 'skip' : '',
    named('_X', "'"),
    values.TRANSPOSED ? 'transposed' : '',
    values.LANES ? `${values.LANES} lanes` : '',
  ]
  return words.filter((word) => word !== '').join(' ')
}

/**
 * What no training step of these presets launches: the likelihoods, updates and the sum over slices at the size of this
 * plan's images and parameters, codebooks at that of `vectorQuantized`.
 */
function beyondTraining(plan: Plan, batch: number): Dispatch[] {
  const all = plan.dispatches.flatMap(({ bindings }) => Object.entries(bindings))
  const elements = Math.max(...all.filter(([name]) => name === 'parameters').map(([, tensor]) => tensor.elements))
  const B = padRows(batch)
  const N = all.find(([name]) => name === 'x')![1].elements / B
  const shape = { B, N }
  const gradients = tensor('gradients', elements)
  const [parameters, m, v] = ['parameters', 'm', 'v'].map((name) => tensor(name, elements))
  const status = tensor('status', 1)
  const arenas = { gradients, parameters, m, v, status }
  const x = tensor('x', B * N)
  const y = tensor('y', B * N)
  const losses = tensor('losses', 2 * MOST_STEPS * B)
  const rows = tensor('dlogv_rows', B)
  return [
    sigmoidForward({ x, y }, shape),
    continuousBernoulliMean({ x, y }, shape),
    continuousBernoulliLoss({ logits: y, x, losses, status }, shape, 'linear', true),
    gaussianLoss({ means: y, x, dlogvRows: rows, losses, status }, shape, tensor('log_variance', 4), 'linear', true),
    bcePixels({ logits: y, x, pixels: tensor('pixels', B * N) }, { ...shape, samples: 1 }, { isContinuous: false }),
    gaussianPixels({ means: y, x, pixels: tensor('pixels', B * N) }, { ...shape, samples: 1 }, -1.4),
    rowReduce({ x: rows, y: tensor('dlog_variance', 4) }, { B }),
    gradientNorm({ gradients, partials: tensor('partials', NORM_PARTIALS), status }),
    gradientAccumulate({ gradients, sum: tensor('sum', elements) }),
    ...[adam(), rmsprop(), sgd({ momentum: 0.9 })].map((optimizer) => optimizerUpdate(arenas, optimizer)),
    ...objectives(B, N),
    ...betweenLayers(B),
    ...codebooks(B),
    ...kindDispatches(B),
  ]
}

/** The importance-weighted bound from five samples an image, and free bits, with 50 latent dimensions. */
function objectives(B: number, N: number): Dispatch[] {
  const [Z, samples] = [50, 5]
  const rows = B * samples
  const [weights, losses] = [tensor('weights', rows), tensor('losses', 3 * MOST_STEPS * B)]
  const [head, dhead] = ['head', 'dhead'].map((name) => tensor(name, B * headWidth(Z)))
  const [dz, noise] = ['dz', 'noise'].map((name) => tensor(name, rows * padTo4(Z)))
  const lossesOf = (count: number) => tensor('row_losses', 2 * MOST_STEPS * count)
  return [
    importanceLoss({ rowLosses: lossesOf(rows), losses, weights, dy: tensor('dy', rows * padTo4(N)) }, { B, N, samples }),
    importanceBackward({ dz, head, noise, weights, dhead }, { B, Z, samples }),
    freeBitsLoss({ head, rowLosses: lossesOf(B), losses, kept: tensor('kept', padTo4(Z)) }, { B, Z }, 0.3),
  ]
}

/** What lies between layers that cannot be fused, at the size of an image of 14 × 14 and 64 channels. */
function betweenLayers(B: number): Dispatch[] {
  const N = 14 * 14 * 64
  const [x, y, a, b] = ['x', 'y', 'a', 'b'].map((name) => tensor(name, B * N))
  return [
    activationBackward({ dy: a, y, dx: x }, 'relu'),
    residualAdd({ a, b, y }, 'relu'),
    gradientAdd({ a, b, x, y }, 'relu'),
    permuteForward({ x, y }, { B, N, from: 1, to: 64 }),
  ]
}

/** Codes in and out, and the codebook as moving averages. */
function codebooks(B: number): Dispatch[] {
  const [P, D, K] = [64, 16, 512]
  const shape = { B, P, D, K }
  const z = tensor('z', B * P * D)
  const codes = tensor('codes', B * P)
  const counts = tensor('counts', K)
  const [codebook, sums, mean] = ['codebook', 'sums', 'mean'].map((name) => tensor(name, K * D))
  const averages = { z, counts, sums, count: tensor('count', K), mean, codebook, status: tensor('status', 1) }
  return [
    codebookGather({ codes, codebook, y: tensor('y', B * P * D) }, shape),
    codebookSum({ z, codes, counts, sums }, shape),
    codebookAverage(averages, shape),
  ]
}

function tensor(name: string, elements: number): PlanTensor {
  return { name, elements, storage: 'activation', offset: 0 }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

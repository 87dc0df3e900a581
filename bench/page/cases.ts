import { padRows, type Dispatch } from '../../src/ops/dispatch.js'
import type { Plan } from '../../src/schedule/plan.js'
import { kernelCases } from '../../test/reference/kernels/cases.js'
import { activationOf, valuesOf } from '../../test/reference/kernels/values.js'

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
  for (const { batch } of plans.slice(0, 1)) {
    const size = { B: padRows(batch), of: <T>(_: T, large: T) => large }
    const covered = new Set([...cases.values()].map(({ dispatches }) => kindOf(dispatches[0])))
    const others = kernelCases.flatMap(({ dispatches }) => dispatches(size))
    for (const dispatch of others) if (!covered.has(kindOf(dispatch))) add(dispatch, batch)
  }
  const size = ({ dispatches: [{ flops, grid }] }: Case) => flops || grid[0] * grid[1] * grid[2]
  const kernel = ({ dispatches: [{ kernel }] }: Case) => kernel
  return [...cases.values()].sort((a, b) => compare(kernel(a), kernel(b)) || size(b) - size(a))
}

/** The kernel and what its shape says besides numbers: `optimizer_update N adam`. */
function kindOf({ kernel, shape }: Dispatch): string {
  return `${kernel} ${shape.replace(/\d+/g, '')}`
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

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

import type { Network } from '../model/network.js'
import type { ModelRuntime } from '../model/runtime.js'
import type { StepLoss } from '../schedule/step-queue.js'
import type { Tensor } from '../tensor.js'

/** The value of some tensors that is furthest from being usable. */
export interface Extreme {
  name: string
  value: number
}

/** What went first when a step's loss or gradients stopped being finite. */
export interface Culprit {
  /** `the loss stopped being finite at step 2 (epoch 1)`, and why where that is known. */
  sentence: string
  /** The parameter that it is about. */
  tensor?: string
}

/** The first value that is not finite, else the largest, of tensors in their order; undefined where there are none. */
export function extremeOf(tensors: Record<string, Tensor>): Extreme | undefined {
  let extreme: Extreme | undefined
  for (const [name, { data }] of Object.entries(tensors)) {
    for (const value of data) {
      if (!Number.isFinite(value)) return { name, value }
      if (extreme === undefined || Math.abs(value) > Math.abs(extreme.value)) extreme = { name, value }
    }
  }
  return extreme
}

/** The first value that is not finite, of tensors in their order. */
export function notFinite(tensors: Record<string, Tensor>): Extreme | undefined {
  for (const [name, { data }] of Object.entries(tensors)) {
    if (!areFinite(data)) return { name, value: data.find((candidate) => !Number.isFinite(candidate))! }
  }
  return undefined
}

/** Whether every value is finite: its product with 0 is 0 then. */
export function areFinite(values: Float32Array): boolean {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += 0 * values[i]
  return sum === 0
}

/**
 * Looks for what went first, in the order of the computation: a parameter, a part of the loss, a gradient from the
 * decoder's end on.
 * @param loss of the step
 * @param is ` stopped being finite at step 2 (epoch 1)`
 * @param gradients makes that step's gradients again, by name; only called when the loss is finite
 */
export async function findCulprit(
  runtime: ModelRuntime<Network>,
  means: StepLoss,
  is: string,
  gradients: () => Promise<Record<string, Tensor>>,
): Promise<Culprit> {
  const parameter = extremeOf(await runtime.read('parameters'))!
  const tensor = parameter.name
  if (!Number.isFinite(parameter.value)) {
    return { tensor, sentence: `the loss${is}, for "${tensor}" holds ${parameter.value}` }
  }
  const parts = Object.entries(means).filter(([, mean]) => !Number.isFinite(mean))
  if (parts.length > 0) {
    const largest = `the largest parameter is ${shown(parameter.value)}, in "${tensor}"`
    // The decoder's losses follow from the latent's.
    const [part] = parts.find(([name]) => name !== 'reconstruction' && name !== 'objective') ?? parts[0]
    return { tensor, sentence: `the loss, first its part "${part}",${is}; ${largest}` }
  }
  const gradient = extremeOf(reversed(await gradients()))
  if (!gradient) return { sentence: `a gradient${is}` }
  if (Number.isFinite(gradient.value)) {
    const largest = `the largest is ${shown(gradient.value)}, in that of "${gradient.name}"`
    return { tensor: gradient.name, sentence: `the norm of the gradient${is}; ${largest}` }
  }
  return { tensor: gradient.name, sentence: `the gradient of "${gradient.name}"${is}` }
}

function reversed(tensors: Record<string, Tensor>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(tensors).reverse())
}

function shown(value: number): string {
  return value.toPrecision(3)
}

import type { Dispatch, PlanTensor } from './dispatch.js'

/** Adam (Kingma & Ba 2015), PyTorch's definition: epsilon outside the root, bias-corrected moments. */
export interface Adam {
  readonly type: 'adam'
  readonly learningRate: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
}

/** RMSprop, PyTorch's definition: v = ρ·v + (1−ρ)·g², epsilon outside the root. PyTorch calls ρ `alpha`, Keras `rho`. */
export interface RmsProp {
  readonly type: 'rmsprop'
  readonly learningRate: number
  readonly rho: number
  readonly epsilon: number
  readonly momentum: number
}

/** Stochastic gradient descent with momentum, PyTorch's definition: m = momentum·m + g. */
export interface Sgd {
  readonly type: 'sgd'
  readonly learningRate: number
  readonly momentum: number
}

/** What `adam`, `rmsprop` and `sgd` return. Its identity names the optimiser's state: the same object goes on with the same moments. */
export type Optimizer = Adam | RmsProp | Sgd

/** The arenas one update reads and writes, each the same number of elements. */
export interface UpdateTensors {
  gradients: PlanTensor
  parameters: PlanTensor
  /** First moment or momentum. */
  m: PlanTensor
  /** Mean of squared gradients. */
  v: PlanTensor
  status: PlanTensor
}

const MOST_INVOCATIONS = 65535 * 64

/** One update of every parameter, in one dispatch over the flat arenas. */
export function optimizerUpdate(t: UpdateTensors, optimizer: Optimizer): Dispatch {
  const N4 = t.parameters.elements / 4
  const { gradients, parameters, m, v, status } = t
  const common = {
    grid: [Math.min(N4, MOST_INVOCATIONS), 1, 1] as [number, number, number],
    shape: `N${t.parameters.elements}`,
    flops: 0,
  }
  switch (optimizer.type) {
    case 'adam': {
      const { beta1, beta2, epsilon } = optimizer
      const betas = { BETA1: beta1, ONE_MINUS_BETA1: 1 - beta1, BETA2: beta2, ONE_MINUS_BETA2: 1 - beta2 }
      return {
        kernel: 'adam_update',
        constants: { N4, ...betas, EPSILON: epsilon },
        bindings: { gradients, parameters, m, v, status },
        ...common,
      }
    }
    case 'rmsprop': {
      const { rho, epsilon, momentum } = optimizer
      return {
        kernel: 'rmsprop_update',
        constants: { N4, RHO: rho, ONE_MINUS_RHO: 1 - rho, EPSILON: epsilon, MOMENTUM: momentum },
        bindings: { gradients, parameters, m, v, status },
        ...common,
      }
    }
    case 'sgd':
      return {
        kernel: 'sgd_update',
        constants: { N4, MOMENTUM: optimizer.momentum },
        bindings: { gradients, parameters, m, status },
        ...common,
      }
  }
}

/**
 * sum = gradients for a batch's first slice, sum + gradients for the others: a batch too large for one binding runs in
 * slices.
 */
export function gradientAccumulate(t: { gradients: PlanTensor; sum: PlanTensor }): Dispatch {
  const N4 = t.sum.elements / 4
  return {
    kernel: 'gradient_accumulate',
    constants: { N4 },
    bindings: { gradients: t.gradients, sum: t.sum },
    grid: [Math.min(N4, MOST_INVOCATIONS), 1, 1],
    shape: `N${t.sum.elements}`,
    flops: 0,
  }
}

/** The moments an optimiser keeps, named as in the saved file (`optimizer.m.<parameter>`). */
export function momentsOf(optimizer: Optimizer): ('m' | 'v')[] {
  switch (optimizer.type) {
    case 'adam':
      return ['m', 'v']
    case 'rmsprop':
      return optimizer.momentum > 0 ? ['m', 'v'] : ['v']
    case 'sgd':
      return optimizer.momentum > 0 ? ['m'] : []
  }
}

/** The factors of the update that change with the step, which counts from 1. */
export function updateFactors(optimizer: Optimizer, step: number): { rate: number; rootScale: number } {
  if (optimizer.type !== 'adam') return { rate: optimizer.learningRate, rootScale: 1 }
  return {
    rate: optimizer.learningRate / (1 - optimizer.beta1 ** step),
    rootScale: 1 / Math.sqrt(1 - optimizer.beta2 ** step),
  }
}

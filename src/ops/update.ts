import { rowLaneTilings, type Dispatch, type PlanTensor } from './dispatch.js'
import { rateAt, type Rate } from './rates.js'

/** What every optimiser has. */
interface Common {
  /** A number, or a schedule over the updates. */
  readonly learningRate: Rate
  /** Largest global norm of the gradients, which are scaled down where it is above; 0 does not clip. */
  readonly clipNorm?: number
}

/** Adam (Kingma & Ba 2015), PyTorch's definition: epsilon outside the root, bias-corrected moments. */
export interface Adam extends Common {
  readonly type: 'adam'
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
}

/** Adam with decoupled weight decay (Loshchilov & Hutter 2019): p = (1 − lr · decay) · p before Adam's update. */
export interface AdamW extends Omit<Adam, 'type'> {
  readonly type: 'adamw'
  readonly weightDecay: number
}

/** RMSprop, PyTorch's definition: v = ρ·v + (1−ρ)·g², epsilon outside the root. PyTorch calls ρ `alpha`, Keras `rho`. */
export interface RmsProp extends Common {
  readonly type: 'rmsprop'
  readonly rho: number
  readonly epsilon: number
  readonly momentum: number
}

/** Stochastic gradient descent with momentum, PyTorch's definition: m = momentum·m + g. */
export interface Sgd extends Common {
  readonly type: 'sgd'
  readonly momentum: number
}

/**
 * What `adam`, `adamw`, `rmsprop` and `sgd` return. Training goes on with the same moments and step count as long as the
 * `type` stays; the settings may change.
 */
export type Optimizer = Adam | AdamW | RmsProp | Sgd

/** The arenas one update reads and writes, each the same number of elements. */
export interface UpdateTensors {
  gradients: PlanTensor
  parameters: PlanTensor
  /** First moment or momentum. */
  m: PlanTensor
  /** Mean of squared gradients. */
  v: PlanTensor
  status: PlanTensor
  /** `NORM_PARTIALS` partial sums by `gradientNorm`, for an optimiser that clips. */
  norms?: PlanTensor
}

/** Elements of `gradientNorm`'s result. */
export const NORM_PARTIALS = 64

/** What `optimizer_update` calls its rules. */
export const RULES = { ADAM: 0, RMSPROP: 1, SGD: 2 } as const

const MOST_INVOCATIONS = 65535 * 64

/** One update of every parameter, in one dispatch over the flat arenas. */
export function optimizerUpdate(t: UpdateTensors, optimizer: Optimizer): Dispatch {
  const { gradients, parameters, m, v, status } = t
  const N4 = parameters.elements / 4
  const { rule, beta1, beta2, epsilon } = ruleOf(optimizer)
  return {
    kernel: 'optimizer_update',
    constants: {
      N4,
      CLIP: t.norms ? (optimizer.clipNorm ?? 0) : 0,
      RULE: rule,
      BETA1: beta1,
      ONE_MINUS_BETA1: 1 - beta1,
      BETA2: beta2,
      ONE_MINUS_BETA2: 1 - beta2,
      EPSILON: epsilon,
    },
    bindings: { gradients, parameters, m, v, status, norm_partials: t.norms ?? gradients },
    grid: [Math.min(N4, MOST_INVOCATIONS), 1, 1],
    shape: `N${parameters.elements} ${optimizer.type}`,
    flops: 0,
  }
}

/** partials[k] = Σ g² over a share of the arena, for clipping by the global norm; `status` tells where one is not finite. */
export function gradientNorm(t: { gradients: PlanTensor; partials: PlanTensor; status: PlanTensor }): Dispatch {
  const N4 = t.gradients.elements / 4
  return {
    ...rowLaneTilings('gradient_norm', { N4 }, NORM_PARTIALS, Math.ceil(N4 / NORM_PARTIALS)),
    bindings: { gradients: t.gradients, partials: t.partials, status: t.status },
    shape: `N${t.gradients.elements}`,
    flops: 0,
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
    case 'adamw':
      return ['m', 'v']
    case 'rmsprop':
      return optimizer.momentum > 0 ? ['m', 'v'] : ['v']
    case 'sgd':
      return optimizer.momentum > 0 ? ['m'] : []
  }
}

/** The factors of an update that change with the step. */
export interface UpdateFactors {
  rate: number
  rootScale: number
  /** Share of a parameter that weight decay leaves. */
  keep: number
}

/** For a step that updates nothing. */
export const NO_UPDATE: UpdateFactors = { rate: 0, rootScale: 1, keep: 1 }

/** The factors of update number `step`, which counts from 1. */
export function updateFactors(optimizer: Optimizer, step: number): UpdateFactors {
  const rate = rateAt(optimizer.learningRate, step - 1)
  if (optimizer.type !== 'adam' && optimizer.type !== 'adamw') return { rate, rootScale: 1, keep: 1 }
  return {
    rate: rate / (1 - optimizer.beta1 ** step),
    rootScale: 1 / Math.sqrt(1 - optimizer.beta2 ** step),
    keep: optimizer.type === 'adamw' ? 1 - rate * optimizer.weightDecay : 1,
  }
}

/** The kernel's three rules; an update without squares has no use for the rest of its numbers. */
function ruleOf(optimizer: Optimizer): { rule: number; beta1: number; beta2: number; epsilon: number } {
  switch (optimizer.type) {
    case 'adam':
    case 'adamw':
      return { rule: RULES.ADAM, beta1: optimizer.beta1, beta2: optimizer.beta2, epsilon: optimizer.epsilon }
    case 'rmsprop':
      return { rule: RULES.RMSPROP, beta1: optimizer.momentum, beta2: optimizer.rho, epsilon: optimizer.epsilon }
    case 'sgd':
      return { rule: RULES.SGD, beta1: optimizer.momentum, beta2: 0, epsilon: 0 }
  }
}

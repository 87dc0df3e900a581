import { padRows } from '../ops/dispatch.js'
import type { Augmentation } from '../ops/gather.js'
import type { Optimizer } from '../ops/update.js'
import type { Plan } from '../schedule/plan.js'
import type { Objective } from './objectives/objective.js'
import type { HostTensors } from './pins.js'

/** Images `first` to `first + count − 1` of a data set, in one buffer. */
export interface SetChunk {
  first: number
  count: number
}

/** A data set on the GPU, of `count` images. */
export interface SetInput extends Augmentation {
  type: 'set'
  count: number
  /** Entries of the order that says which image is where in the batches; `count` unless given. */
  entries?: number
  chunks: SetChunk[]
  /** Whether its values are floats rather than bytes. */
  floats?: boolean
}

/** What a plan is compiled for; fields that are not given keep their defaults. */
export interface PlanRequest extends Objective {
  /** Images a step. */
  batch: number
  /** In how many slices the batch runs, their gradients added up; 1 unless given. */
  slices?: number
  /** Where the input comes from: a data set on the GPU, or the caller. */
  input: SetInput | { type: 'images' } | { type: 'latents' } | { type: 'codes' }
  /** Whether the noise is drawn on the GPU or handed in, or z is the posterior's mean. */
  noise: 'drawn' | 'given' | 'mean'
  /** Whether a model with a discriminator is handed the draws of the prior, too; unless given they are drawn. */
  prior?: 'given'
  /**
   * Which result: what `encode` reads, images, probabilities of classes, of a prior the next code, losses alone, losses
   * and gradients, or a whole training step.
   */
  output: 'posterior' | 'images' | 'classes' | 'codes' | 'losses' | 'gradients' | { update: Optimizer }
  /** Also the reconstruction loss of every pixel, summed over the draws of an image. */
  perPixel?: boolean
  /** Losses with the sample's log q(z|x) − log p(z) in place of the KL divergence. */
  sampled?: boolean
  /** Of a recurrent model's images: those after every step. */
  everyStep?: boolean
}

/** A plan with the tensors that the host writes or reads. */
export interface CompiledPlan extends HostTensors {
  plan: Plan
  /** What `losses` holds of every image: the model's parts, and where the objective is not their sum `objective`. */
  lossNames: readonly string[]
  /** The option or layer that takes a mean over the batch, so that it cannot run in slices; nothing where none does. */
  wholeBatch?: string
}

/** Images of a slice: all slices but the last have so many. */
export function sliceBatch({ batch, slices = 1 }: PlanRequest): number {
  return slices === 1 ? batch : padRows(Math.ceil(batch / slices))
}

import type { PixelMean } from '../../ops/adversarial.js'
import type { PlanTensor } from '../../ops/dispatch.js'
import type { Graph, Value } from '../graph.js'
import type { ParameterSpec } from '../parameters.js'
import type { LikelihoodSpec } from '../spec.js'

/** What a likelihood compares: the images of a batch, and where the losses of every row of the output go. */
export interface LikelihoodTensors {
  x: PlanTensor
  /** `[slots, 2, rows]`: reconstruction first. */
  losses: PlanTensor
  status: PlanTensor
}

/** Where the losses of pixels go. */
export interface PixelTensors {
  x: PlanTensor
  /** The weight of every row of the output in its image's loss; 1 unless given. */
  weights?: PlanTensor
  /** `[images, P4(pixels)]` */
  pixels: PlanTensor
}

/** p(x|z) of an image, from the decoder's output: all that the rest of the model knows of its kind. */
export interface Likelihood {
  readonly type: LikelihoodSpec['type']
  /** The output is any real number per pixel, so that an activation that bounds it is a mistake. */
  readonly isUnbounded: boolean
  /** Pixels may be any finite number, not only those in [0, 1]. */
  readonly isRealValued: boolean
  /** What of a value of the output is the mean of p(x|z). */
  readonly mean: PixelMean
  parameters(): ParameterSpec[]
  /** Pushes the images that the output stands for, the mean of p(x|z). @returns where they are */
  images(output: Value, pixels: number, graph: Graph): PlanTensor
  /** Pushes −log p(x|z) of every image's pixels, summed over its rows and added up from draw to draw. */
  pixels(output: Value, tensors: PixelTensors, pixels: number, graph: Graph): void
  /**
   * Pushes −log p(x|z) of every row.
   * @param gradient the output is overwritten by its gradient, over the batch's mean and before its activation
   * @returns what is left to push once every row's weight is known: the gradient of the likelihood's own parameter
   */
  loss(
    output: Value,
    tensors: LikelihoodTensors,
    pixels: number,
    gradient: boolean,
    graph: Graph,
  ): ((weights?: PlanTensor) => void) | undefined
}

/** One kind of likelihood. */
export interface LikelihoodKind<S extends LikelihoodSpec = LikelihoodSpec> {
  type: S['type']
  /** What a specification may say beside `type`. */
  keys: readonly string[]
  /** Checks every value on its own. @throws SpecError */
  read(fields: Record<string, unknown>): S
  create(spec: S): Likelihood
}

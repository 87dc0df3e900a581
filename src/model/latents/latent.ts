import type { PlanTensor } from '../../ops/dispatch.js'
import type { Random } from '../../random.js'
import type { Tensor } from '../../tensor.js'
import type { Value } from '../graph.js'
import type { Frame, Layer } from '../layers/layer.js'
import type { ParameterSpec } from '../parameters.js'
import type { HostOutput, Pins } from '../pins.js'
import type { OrderGroups, Shape } from '../shapes.js'
import type { LatentSpec } from '../spec.js'

/** The codes of a vector-quantised model: `[batch, height, width]` of its latent image, row-major. */
export interface Codes {
  shape: number[]
  data: Uint32Array
}

/** The posterior q(z|x) of every image. */
export interface Posterior {
  /**
   * `[batch, latent]`, of a recurrent model `[batch, steps, latent]`; the code itself for a deterministic latent; the mean
   * direction, of length 1, for a von Mises-Fisher one; for a vector-quantised one the vectors of the chosen codes,
   * `[batch, height, width, size]`.
   */
  mean: Tensor
  /** `[batch, latent]`, as the mean; of a Gaussian latent with diagonal covariance only. */
  logVariance?: Tensor
  /** `[batch, latent, latent]` lower triangle L of the covariance L Lᵀ; of a Gaussian latent with full covariance only. */
  cholesky?: Tensor
  /** `[batch]` κ; of a von Mises-Fisher latent only. */
  concentration?: Tensor
  /** Which codes were chosen; of a vector-quantised latent only. */
  codes?: Codes
}

/** What a latent needs to draw z and leave its loss. */
export interface LatentFrame extends Frame {
  pins: Pins
  /** Rows of z, and rows of z per image. */
  rows: number
  samples: number
  /** Rows of the heads per image, each with rows of z of its own; 1 unless given. Only of a latent that `weighsRows`. */
  heads?: number
  /** Drawn on the GPU, handed in, or none at all: z is the posterior's mean. */
  noise: 'drawn' | 'given' | 'mean'
  /** The sample's log q(z|x) − log p(z) in place of its mean, the KL divergence. */
  sampled: boolean
  /** `[slots, 2, rows]`: reconstruction, then what this latent leaves. */
  losses: PlanTensor
  status: PlanTensor
  /** The weight of every row's gradient, where the objective weighs them: `dz` has it already, the KL's gradient not. */
  weights?: PlanTensor
  /** Which dimensions' KL counts, where the objective leaves some out. */
  kept?: PlanTensor
  /** The plan ends in an update. */
  updates: boolean
  /** Pushes dispatches after the optimiser's update. */
  afterUpdate(push: (status: PlanTensor) => void): void
}

/** A value of z for every row; `head` is the output of the heads that it is drawn from. */
export interface Drawn {
  z: Value
  head?: Value
}

/** What the caller's latents are, ready for a plan. */
export interface LatentRows {
  input: 'latents' | 'codes'
  tensor: 'z' | 'codes'
  /** Values, or the bits of words. */
  data: Float32Array
  rows: number
}

/** A latent whose shapes are known: all that those who use a model know of its kind. */
export interface Latent {
  readonly type: LatentSpec['type']
  /** What the decoder reads; of all steps, side by side, where there are several. */
  readonly output: Shape
  /** Of a recurrent model: how often z is drawn, so many rows of noise an image. */
  readonly steps?: number
  /** Values of noise per row of z; 0 where nothing is drawn. */
  readonly noiseWidth: number
  /** A posterior to draw from: importance samples have a meaning. */
  readonly isRandom: boolean
  /** Its prior is uniform on the unit sphere; else it is N(0, 1). */
  readonly isOnSphere?: boolean
  /** Its KL divergence is a sum over dimensions, which free bits can hold up one by one. */
  readonly hasKlByDimension: boolean
  /** It takes several heads per image, and a weight on the KL divergence of each; not so unless said. */
  readonly weighsRows?: boolean
  /** What the part that it leaves of the loss is; quantisation counts whole, the KL with its weight. */
  readonly lossName: 'kl' | 'quantization'
  /** Of a vector-quantised latent: `codes` vectors of `size` values. */
  readonly codebook?: { codes: number; size: number }

  parameters(): ParameterSpec[]

  /** The tensors that a plan for `encode` leaves, and what the host makes of them. */
  readonly encoded: readonly HostOutput[]
  readPosterior(rows: number, data: readonly Float32Array[]): Posterior
  /** E_q[z|x] `[batch, latent]`, where that is not the posterior's mean. */
  expectation?(posterior: Posterior): Tensor
  /** Checks latents that the caller wants decoded. @throws ShapeError, DataError */
  readLatents(latents: unknown): LatentRows
  /** Checks noise that the caller hands in, beyond being finite. @throws DataError */
  checkNoise?(noise: Float32Array): void
  /**
   * Draws of the prior for the decoder.
   * @param usage how often training chose each code, of a vector-quantised latent
   */
  prior(count: number, random: Random, usage: readonly number[]): Tensor | Codes
}

/** A latent between layers: what the composition of a plain model asks of it beside. */
export interface LayeredLatent extends Latent {
  /** What it reads of the encoder. */
  readonly input: Shape
  /** Pushes z of every row and its loss, and records how the gradient runs back. */
  draw(features: Value, frame: LatentFrame): Drawn
  /** Pushes what `encode` reads. */
  posterior(features: Value, frame: Pick<LatentFrame, 'graph' | 'pins'>): void
  /** The decoder's input from codes that the host writes, where it has any. */
  fromCodes?(frame: Pick<LatentFrame, 'graph' | 'pins'>, rows: number): Value
}

/** One kind of latent. */
export interface LatentKind<S extends LatentSpec = LatentSpec> {
  type: S['type']
  /** What a specification may say beside `type`. */
  keys: readonly string[]
  /** Checks every value on its own. @throws SpecError */
  read(fields: Record<string, unknown>): S
  /**
   * Checks that it fits the encoder, whose last shape is given.
   * @returns the latent, and the views that lead to it
   */
  resolve(
    spec: S,
    last: Shape,
    context: { groups: OrderGroups; layers: number },
  ): { views: Layer[]; latent: LayeredLatent }
}

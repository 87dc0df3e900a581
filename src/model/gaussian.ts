import { padTo4, type PlanTensor } from '../ops/dispatch.js'
import { importanceBackward, importanceLoss } from '../ops/importance.js'
import { freeBitsLoss, headWidth, reparameterizeBackward, reparameterizeForward } from '../ops/latent.js'
import type { PlanBuilder } from '../schedule/plan.js'
import { MOST_STEPS } from '../schedule/step.js'
import type { LayerCompiler, Value } from './layers.js'

/** What a training step minimises, for a Gaussian latent; −ELBO with a weight on its KL term unless given. */
export interface Objective {
  /**
   * Draws of z an image, 1 unless given. From 2 on the objective is the importance-weighted bound (Burda, Grosse &
   * Salakhutdinov 2016): −log (1/k) Σ_s w_s, averaged over images, with
   * log w = log p(x|z) + klWeight · (log p(z) − log q(z|x)).
   */
  importanceSamples?: number
  /**
   * λ in nats, 0 unless given: the KL term becomes klWeight · Σ_j max(λ, mean over the batch of the KL of dimension j)
   * (free bits, Kingma et al. 2016), so that no dimension gains from giving up its last λ. Not with importance samples.
   */
  freeBits?: number
}

/** Images, rows of the decoder (`samples` an image, and padding), latent size. */
interface GaussianShape {
  B: number
  D: number
  Z: number
  samples: number
}

/** Turns a Gaussian latent and the objective's KL term into dispatches. */
export class GaussianCompiler {
  /** The weight of every decoder row in its image's bound, with importance samples. */
  readonly weights: PlanTensor | undefined
  /** The losses of every decoder row, where the objective is not the weighted sum of the images' losses. */
  readonly rowLosses: PlanTensor | undefined
  /** Which dimensions' KL counts, with free bits. */
  private readonly kept: PlanTensor | undefined
  private head: PlanTensor | undefined

  constructor(
    private readonly builder: PlanBuilder,
    private readonly layers: LayerCompiler,
    private readonly shape: GaussianShape,
    private readonly freeBits: number | undefined,
  ) {
    const { D, Z, samples } = shape
    if (samples > 1) this.weights = builder.activation('weights', D)
    if (freeBits) this.kept = builder.activation('kept', padTo4(Z))
    if (samples > 1 || freeBits) this.rowLosses = builder.activation('row_losses', 2 * MOST_STEPS * D)
  }

  /** Draws of z of every image, and their losses; remembers the way back. */
  forward(
    head: PlanTensor,
    t: { noise: PlanTensor; losses: PlanTensor; status: PlanTensor },
    { draw, sampled }: { draw: boolean; sampled?: boolean },
  ): Value {
    const { builder, weights, kept } = this
    const { B, D, Z, samples } = this.shape
    const { noise } = t
    const z = builder.activation('z', D * padTo4(Z))
    builder.push(reparameterizeForward({ ...t, head, z }, { B: D, Z, samples }, draw, sampled || samples > 1))
    this.head = head
    this.layers.record((dz) => {
      const dhead = builder.activation('dhead', B * headWidth(Z))
      builder.push(
        weights
          ? importanceBackward({ dz, head, noise, weights, dhead }, { B, Z, samples })
          : reparameterizeBackward({ dz, head, noise, kept, dhead }, { B, Z }),
      )
      return dhead
    })
    return { tensor: z, activation: 'linear', needsGradient: true }
  }

  /**
   * The images' losses and objective from those of their rows, where it is not their weighted sum. `dy`, the gradient of
   * every row's reconstruction `[D, P4(N)]`, is multiplied by the row's weight.
   */
  objective(losses: PlanTensor, dy: PlanTensor, N: number): void {
    const { builder, shape, weights, kept, head } = this
    const rowLosses = this.rowLosses!
    if (weights) builder.push(importanceLoss({ rowLosses, losses, weights, dy }, { ...shape, N }))
    else if (kept) builder.push(freeBitsLoss({ head: head!, rowLosses, losses, kept }, shape, this.freeBits!))
  }
}

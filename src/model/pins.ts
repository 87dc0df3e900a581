import type { PlanTensor } from '../ops/dispatch.js'
import type { PlanBuilder } from '../schedule/plan.js'

/** The tensors of a plan that the host writes or reads, by name. Rows are padded to whole vectors. */
export interface HostTensors {
  /** `[B, P4(pixels)]` images that go in (not with input `latents`). */
  x?: PlanTensor
  /** `[B]` class indices as words, of a conditional model. */
  labels?: PlanTensor
  /** `[B · samples or steps, P4(noise)]` the draws that z is made from, image by image, written by the host if given. */
  noise?: PlanTensor
  /** `[B, P4(Z)]` draws of the prior beside the batch, of a model with a discriminator, where they are given. */
  prior?: PlanTensor
  /** `[B, P4(Z)]`, of a recurrent model `[B, steps, P4(Z)]` latents; with input `latents` the host writes them. */
  z?: PlanTensor
  /** `[B, P4(P)]` words, of a vector-quantised model; with input `codes` the host writes them. */
  codes?: PlanTensor
  /** `[B, P4(P·codes)]` of a prior that draws codes. */
  logits?: PlanTensor
  /** `[B, width]`, of a recurrent model `[steps, B, width]` the output of the latent's heads, one after another. */
  head?: PlanTensor
  /** `[B, P4(pixels)]` images that come out; `[steps, B, P4(pixels)]` of every step. */
  images?: PlanTensor
  /**
   * `[slots, parts, B]` of every image: the parts of the model's loss, then, where the objective is not their weighted
   * sum, its share of that.
   */
  losses?: PlanTensor
  /** `[B, P4(classes)]` of a classifier. */
  probabilities?: PlanTensor
  /** `[B, P4(pixels)]` the reconstruction loss of every pixel, summed over the draws since the counter was 0. */
  pixels?: PlanTensor
  /** The arena that holds the batch's gradients in the end. */
  gradients?: PlanTensor
  /** One word, non-zero once a loss or gradient was not finite. */
  status?: PlanTensor
}

/** What the host reads of a plan for every row: `width` elements of a tensor. */
export interface HostOutput {
  tensor: keyof HostTensors
  width: number
  /** Where the tensor has the rows of `of` steps behind one another: which of them, from 0 on. */
  step?: { index: number; of: number }
}

/** Makes the tensors that the host sees, each once; they keep a buffer to themselves. */
export class Pins {
  readonly tensors: HostTensors = {}

  constructor(private readonly builder: PlanBuilder) {}

  /** The tensor of that name; of `elements` where it is new. */
  get(name: keyof HostTensors, elements: number): PlanTensor {
    return (this.tensors[name] ??= this.builder.pin(this.builder.activation(name, elements)))
  }

  /** Shows the host a tensor that exists. */
  show(name: keyof HostTensors, tensor: PlanTensor): void {
    this.tensors[name] = this.builder.pin(tensor)
  }
}

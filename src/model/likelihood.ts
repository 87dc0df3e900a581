import { type PlanTensor } from '../ops/dispatch.js'
import {
  bceLoss,
  continuousBernoulliLoss,
  continuousBernoulliMean,
  gaussianLoss,
  gaussianMean,
  rowReduce,
  sigmoidForward,
} from '../ops/likelihood.js'
import type { PlanBuilder } from '../schedule/plan.js'
import type { ParameterArena } from './arena.js'
import type { Value } from './layers.js'
import type { LikelihoodSpec } from './spec.js'

/** Turns what becomes of the decoder's output into dispatches. */
export class LikelihoodCompiler {
  private dlogvRows: PlanTensor | undefined

  constructor(
    private readonly builder: PlanBuilder,
    private readonly arena: ParameterArena,
    private readonly likelihood: LikelihoodSpec,
    /** Rows of the decoder's output, values of a row, rows an image. */
    private readonly shape: { B: number; N: number; samples: number },
  ) {}

  /** The images that the output stands for. */
  images(output: Value, images: PlanTensor): void {
    this.builder.push(MEANS[this.likelihood.type]({ x: output.tensor, y: images }, this.shape))
  }

  /** The loss of every row; with `gradient` its gradient takes the place of the output. */
  loss(
    { tensor, activation }: Value,
    t: { x: PlanTensor; losses: PlanTensor; status: PlanTensor },
    gradient: boolean,
  ): void {
    const { builder, likelihood, shape } = this
    if (likelihood.type !== 'gaussian') {
      const loss = likelihood.type === 'bernoulli' ? bceLoss : continuousBernoulliLoss
      builder.push(loss({ logits: tensor, ...t }, shape, activation, gradient))
      return
    }
    const { variance } = likelihood
    this.dlogvRows = builder.activation('likelihood.dlogv', shape.B)
    const logVariance = variance === 'learned' ? this.arena.likelihood().logVariance : Math.log(variance)
    const tensors = { means: tensor, dlogvRows: this.dlogvRows, ...t }
    builder.push(gaussianLoss(tensors, shape, logVariance, activation, gradient))
  }

  /** The gradient of the likelihood's own parameter, where it has one; every row counts by its weight, or as 1. */
  backward(weights?: PlanTensor): void {
    if (this.likelihood.type !== 'gaussian' || this.likelihood.variance !== 'learned') return
    const tensors = { x: this.dlogvRows!, weights, y: this.arena.likelihood().dlogVariance }
    this.builder.push(rowReduce(tensors, { B: this.shape.B }))
  }
}

const MEANS = {
  bernoulli: sigmoidForward,
  'continuous-bernoulli': continuousBernoulliMean,
  gaussian: gaussianMean,
} as const

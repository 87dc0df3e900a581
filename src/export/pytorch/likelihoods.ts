import type { VaeSpec } from '../../model/spec.js'
import { block } from './text.js'

/** `self.likelihood`, where the variance is learned. */
export function likelihoodModule({ likelihood }: VaeSpec): string[] {
  if (likelihood.type !== 'gaussian' || likelihood.variance !== 'learned') return []
  return ['self.likelihood = nn.ParameterDict({"log_variance": nn.Parameter(torch.zeros(1))})']
}

/** Methods `mean_image` and `cost`: what the decoder's output stands for, and −log p(x|z) of every image. */
export function likelihoodMethods({ likelihood }: VaeSpec): string[][] {
  switch (likelihood.type) {
    case 'bernoulli': return [
      block(`
        def mean_image(self, output):
            """The mean of p(x|z) of logits."""
            return torch.sigmoid(output)
      `),
      block(`
        def cost(self, output, x):
            """-log p(x|z) [batch] of images, by the logits of their pixels."""
            return F.binary_cross_entropy_with_logits(output, x, reduction="none").flatten(1).sum(1)
      `),
    ]
    case 'continuous-bernoulli': return [
      block(`
        def mean_image(self, output):
            """The mean of p(x|z) of logits; near 0 a series, for the terms cancel there."""
            size = output.abs().clamp(min=0.5)
            upper = 1 / (1 - torch.exp(-size)) - 1 / size
            square = output**2
            near = 0.5 + output * (1 / 12 - square * (1 / 720 - square * (1 / 30240 - square / 1209600)))
            return torch.where(output.abs() < 0.5, near, torch.where(output > 0, upper, 1 - upper))
      `),
      block(`
        def cost(self, output, x):
            """-log p(x|z) [batch] of grey images, by the logits of their pixels (Loaiza-Ganem & Cunningham 2019)."""
            size = output.abs().clamp(min=0.5)
            far = output.clamp(min=0) + torch.log((1 - torch.exp(-size)) / size)
            square = output**2
            near = output / 2 + square * (1 / 24 - square * (1 / 2880 - square / 181440))
            log_normalizer = torch.where(output.abs() < 0.5, near, far)
            return (log_normalizer - output * x).flatten(1).sum(1)
      `),
    ]
    case 'gaussian': {
      const learned = likelihood.variance === 'learned'
      const logVariance = learned ? 'self.likelihood["log_variance"]' : 'math.log(VARIANCE)'
      const variance = learned ? 'log_variance.exp()' : 'VARIANCE'
      return [
        block(`
          def mean_image(self, output):
              """The mean of p(x|z): the output itself."""
              return output
        `),
        block(`
          def cost(self, output, x):
              """-log p(x|z) [batch] of images, by the means of their values and one variance for all."""
              log_variance = ${logVariance}
              return 0.5 * ((x - output) ** 2 / ${variance} + log_variance + math.log(2 * math.pi)).flatten(1).sum(1)
        `),
      ]
    }
  }
}

import type { QuantizedLatentSpec, VaeSpec } from '../../model/spec.js'
import { block } from './text.js'

/** The calls and the loss of a model with a latent of vectors. */
export function vaeMethods(spec: VaeSpec): string[][] {
  const label = labelText(spec)
  return [
    ...vectorCalls(spec),
    block(`
      def forward(self, x${label.optional}, noise=None, kl_weight=KL_WEIGHT):
          """The parts of the loss in nats per image, means over the batch."""
          z, kl = self.draw(self.encode(x${label.given}), noise)
          reconstruction, kl = self.cost(self.output(z${label.given}), x).mean(), kl.mean()
          return {"total": reconstruction + kl_weight * kl, "reconstruction": reconstruction, "kl": kl}
    `),
    backward,
  ]
}

/** `encode`, `decode` and `reconstruct`, as the engine's calls of these names. */
export function vectorCalls(spec: VaeSpec): string[][] {
  const { optional, given } = labelText(spec)
  return [
    block(`
      def encode(self, x${optional}):
          """The posterior of images: its mean, and what this latent has beside it."""
          return self.posterior(self.features(x${given}))
    `),
    block(`
      def decode(self, z${optional}):
          """Images of latents: the mean of p(x|z)."""
          return self.mean_image(self.output(z${given}))
    `),
    block(`
      def reconstruct(self, x${optional}):
          """Images decoded from the posterior's mean."""
          return self.decode(self.encode(x${given})[0]${given})
    `),
  ]
}

/** Labels as a parameter and as an argument. */
export function labelText({ classes }: VaeSpec): { optional: string; given: string } {
  return classes ? { optional: ', labels', given: ', labels' } : { optional: '', given: '' }
}

/** How a loss becomes gradients. */
export const backward = block(`
  def backward(self, loss):
      """Leaves every parameter's gradient."""
      loss["total"].backward()
`)

/** M2 (Kingma et al. 2014): every class of every image, weighed by the classifier where the label is not known. */
export function semiSupervisedMethods(spec: VaeSpec): string[][] {
  return [
    ...vectorCalls(spec),
    block(`
      def classify(self, x):
          """The probability [batch, CLASSES] of every class, q(y|x)."""
          return F.softmax(self.class_logits(x), 1)
    `),
    block(`
      def forward(self, x, labels, noise=None, kl_weight=KL_WEIGHT):
          """The parts of the loss in nats per image; labels may be UNLABELED.

          Every image is encoded and decoded as each class; noise is [batch · CLASSES, latent], class by class within an
          image. A known label counts alone, else each class counts by its probability.
          """
          log_q = F.log_softmax(self.class_logits(x), 1)
          q = log_q.exp()
          every_class = torch.arange(CLASSES, device=x.device).repeat(len(x))
          copies = x.repeat_interleave(CLASSES, 0)
          z, kl = self.draw(self.encode(copies, every_class), noise)
          cost = self.cost(self.output(z, every_class), copies)
          known = labels != UNLABELED
          one_hot = F.one_hot(labels.where(known, torch.zeros_like(labels)), CLASSES) * known[:, None]
          weights = torch.where(known[:, None], one_hot.to(q.dtype), q)
          reconstruction = (weights * cost.view_as(q)).sum(1).mean()
          kl = (weights * kl.view_as(q)).sum(1).mean()
          label = math.log(CLASSES) + (~known * (q * log_q).sum(1)).mean()
          classification = -(one_hot * log_q).sum(1).mean()
          total = reconstruction + kl_weight * kl + label + CLASSIFIER_WEIGHT * classification
          parts = {"reconstruction": reconstruction, "kl": kl, "label": label, "classification": classification}
          return {"total": total, **parts}
    `),
    backward,
  ]
}

/** Vector quantisation (van den Oord et al. 2017). */
export function quantizedMethods(spec: VaeSpec): string[][] {
  const { commitment = 0.25, codebookUpdate } = spec.latent as QuantizedLatentSpec
  const moving = codebookUpdate === 'moving-average'
  const cost = moving ? 'codebook_cost.detach()' : 'codebook_cost'
  const last = moving
    ? `
          self.last_vectors = vectors.detach().permute(0, 2, 3, 1).flatten(0, 2)
          self.last_codes = codes.flatten()`
    : ''
  return [
    block(`
      def encode(self, x):
          """The vectors of the chosen codes, as an image, and the codes."""
          codes = self.nearest(self.features(x))
          return self.vectors(codes), codes
    `),
    block(`
      def decode(self, codes):
          """Images of codes: the mean of p(x|z)."""
          return self.mean_image(self.output(self.vectors(codes)))
    `),
    block(`
      def reconstruct(self, x):
          """Images decoded from the nearest codes."""
          return self.decode(self.encode(x)[1])
    `),
    block(`
      def forward(self, x, kl_weight=KL_WEIGHT):
          """The parts of the loss in nats per image, means over the batch; nothing is drawn."""
          vectors = self.features(x)
          codes = self.nearest(vectors.detach())
          chosen = self.vectors(codes)
          codebook_cost = ((vectors.detach() - chosen) ** 2).flatten(1).sum(1).mean()
          commitment_cost = ((vectors - chosen.detach()) ** 2).flatten(1).sum(1).mean()
          quantization = ${cost} + ${commitment} * commitment_cost
          straight = vectors + (chosen - vectors).detach()  # its gradient passes the codes by
          reconstruction = self.cost(self.output(straight), x).mean()
          if self.training:
              self.usage = self.usage.to(codes.device)
              self.usage += codes.flatten().bincount(minlength=len(self.usage))${last.replace(/\n {10}/g, '\n              ')}
          return {"total": reconstruction + quantization, "reconstruction": reconstruction, "quantization": quantization}
    `),
    backward,
  ]
}

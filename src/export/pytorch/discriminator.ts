import type { VaeSpec } from '../../model/spec.js'
import type { PlacedNetwork } from '../networks.js'
import { described, forward, moduleList } from './layers.js'
import { labelText, vectorCalls } from './objectives.js'
import { block, commented, indented } from './text.js'

/** A VAE-GAN (Larsen et al. 2016): the discriminator, and the objectives of the three networks. */
export function discriminatorText(spec: VaeSpec, network: PlacedNetwork): { modules: string[]; methods: string[][] } {
  const { similarity, weight } = spec.discriminator!
  const { optional, given } = labelText(spec)
  const place = similarity + 1
  const [compared, others] = [network.layers.slice(0, place), network.layers.slice(place)]
  const judge = [
    'def judge(self, x):',
    ...indented([
      `"""The logit [batch] of each image being real, and what layer ${similarity} makes of it."""`,
      commented('h = x', described(network.input)),
      ...forward({ layers: compared }),
      'compared = h',
      ...forward({ layers: others }),
      'return h.flatten(), compared',
    ]),
  ]
  return {
    modules: moduleList('discriminator', network),
    methods: [
      ...vectorCalls(spec),
      judge,
      block(`
        def forward(self, x${optional}, noise=None, prior=None, kl_weight=KL_WEIGHT):
            """The parts of the loss, means over the batch; prior is [batch, latent] normals, drawn unless given."""
            z, kl = self.draw(self.encode(x${given}), noise)
            prior = ${priorDraw(spec)} if prior is None else prior
            made = [self.mean_image(self.output(code${given})) for code in (z, prior)]
            (real, features), (reconstructed, like), (sampled, _) = (self.judge(image) for image in (x, *made))
            reconstruction = 0.5 * ((features - like) ** 2).flatten(1).sum(1).mean()
            adversarial = (F.softplus(-real) + F.softplus(reconstructed) + F.softplus(sampled)).mean()
            kl = kl.mean()
            total = reconstruction + kl_weight * kl
            return {"total": total, "reconstruction": reconstruction, "kl": kl, "adversarial": adversarial}
      `),
      block(`
        def backward(self, loss):
            """Leaves every parameter the gradient of its own network's objective: there are three."""
            reconstruction, adversarial = loss["reconstruction"], loss["adversarial"]
            objectives = [
                ([self.encoder, self.latent], loss["total"]),
                ([self.decoder], ${weight} * reconstruction - adversarial),
                ([self.discriminator], adversarial),
            ]
            for networks, objective in objectives:
                parameters = [parameter for network in networks for parameter in network.parameters()]
                if not parameters or not objective.requires_grad:
                    continue
                gradients = torch.autograd.grad(objective, parameters, retain_graph=True, allow_unused=True)
                for parameter, gradient in zip(parameters, gradients):
                    parameter.grad = torch.zeros_like(parameter) if gradient is None else gradient
      `),
    ],
  }
}

/** Draws of the prior, as many as there are rows of z. */
function priorDraw({ latent }: VaeSpec): string {
  return latent.type === 'von-mises-fisher' ? 'F.normalize(torch.randn_like(z), dim=1)' : 'torch.randn_like(z)'
}

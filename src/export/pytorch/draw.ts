import type { LstmSpec, VaeSpec } from '../../model/spec.js'
import { likelihoodMethods, likelihoodModule } from './likelihoods.js'
import { backward } from './objectives.js'
import { block, dictionary, indented, type ModelText } from './text.js'

/** DRAW (Gregor et al. 2015), step by step as the paper writes it. */
export function drawModel(spec: VaeSpec): ModelText {
  const { input: [h, w, c], latent: { size: Z }, recurrent } = spec
  const { steps, attention } = recurrent!
  const [encoder, decoder] = [spec.encoder[0], spec.decoder[0]] as [LstmSpec, LstmSpec]
  const patch = (size: number | undefined) => c * (size === undefined ? h * w : size ** 2)
  const reads = 2 * patch(attention?.read)
  const linear = (inputs: number, outputs: number) => `nn.Linear(${inputs}, ${outputs})`
  const init = [
    'def __init__(self):',
    ...indented([
      'super().__init__()',
      `self.encoder = nn.ModuleList([nn.LSTMCell(${reads + decoder.units}, ${encoder.units})])`,
      ...dictionary('self.latent = nn.ModuleDict(', { mean: linear(encoder.units, Z), log_variance: linear(encoder.units, Z) }),
      `self.decoder = nn.ModuleList([nn.LSTMCell(${Z}, ${decoder.units})])`,
      `self.write = ${linear(decoder.units, patch(attention?.write))}`,
      ...(attention
        ? [
            `self.read = nn.ModuleDict({"attention": ${linear(decoder.units, 5)}})`,
            `self.write.attention = ${linear(decoder.units, 5)}  # the place of the patch that write yields`,
          ]
        : []),
      ...likelihoodModule(spec),
    ]),
  ]
  return {
    title: `DRAW (Gregor et al. 2015), ${steps} steps${attention ? ' with attention' : ''}`,
    head: ['class Vae(nn.Module):'],
    methods: [init, ...stepMethods(spec), ...brush(spec), ...likelihoodMethods(spec), ...calls(spec), backward],
    ...(attention && { functions: filters(h, w) }),
  }
}

function stepMethods(spec: VaeSpec): string[][] {
  const { latent: { size: Z }, recurrent } = spec
  const { steps } = recurrent!
  const [{ units: encoder }, { units: decoder }] = [spec.encoder[0], spec.decoder[0]] as [LstmSpec, LstmSpec]
  return [
    block(`
      def draw(self, x, noise):
          """The last canvas, and means and log-variances [batch, ${steps}, ${Z}]; noise is as large, z = mean without."""
          encoder = (x.new_zeros(len(x), ${encoder}), x.new_zeros(len(x), ${encoder}))
          decoder = (x.new_zeros(len(x), ${decoder}), x.new_zeros(len(x), ${decoder}))
          canvas, means, log_variances = torch.zeros_like(x), [], []
          for step in range(${steps}):
              error = x - torch.sigmoid(canvas)
              glimpse = self.glimpse(x, error, decoder[0])
              encoder = self.encoder[0](torch.cat([glimpse, decoder[0]], 1), encoder)
              mean, log_variance = self.latent["mean"](encoder[0]), self.latent["log_variance"](encoder[0])
              z = mean if noise is None else mean + torch.exp(0.5 * log_variance) * noise[:, step]
              decoder = self.decoder[0](z, decoder)
              canvas = canvas + self.stroke(decoder[0])
              means.append(mean)
              log_variances.append(log_variance)
          return canvas, torch.stack(means, 1), torch.stack(log_variances, 1)
    `),
  ]
}

/** How the encoder reads and the decoder writes. */
function brush({ input: [h, w, c], recurrent }: VaeSpec): string[][] {
  const { attention } = recurrent!
  if (!attention) {
    return [
      block(`
        def glimpse(self, x, error, state):
            """The whole image and the whole error image."""
            return torch.cat([x.flatten(1), error.flatten(1)], 1)
      `),
      block(`
        def stroke(self, state):
            """What the decoder's state adds to the canvas: all pixels."""
            return self.write(state).view(-1, ${c}, ${h}, ${w})
      `),
    ]
  }
  const { read, write } = attention
  return [
    block(`
      def glimpse(self, x, error, state):
          """Image and error image through a grid of ${read} × ${read} Gaussian filters."""
          across, down, intensity = filters(self.read["attention"](state), ${read})
          glimpses = [intensity * (down @ image @ across.transpose(2, 3)) for image in (x, error)]
          return torch.cat([glimpse.flatten(1) for glimpse in glimpses], 1)
    `),
    block(`
      def stroke(self, state):
          """What the decoder's state adds to the canvas: a patch spread by ${write} × ${write} filters."""
          across, down, intensity = filters(self.write.attention(state), ${write})
          patch = self.write(state).view(-1, ${c}, ${write}, ${write})
          return down.transpose(2, 3) @ patch @ across / intensity
    `),
  ]
}

function calls({ latent: { size: Z }, recurrent, decoder }: VaeSpec): string[][] {
  const { steps } = recurrent!
  const { units } = decoder[0] as LstmSpec
  return [
    block(`
      def encode(self, x):
          """Mean and log-variance [batch, ${steps}, ${Z}] of every step, z being the mean in the steps before."""
          _, mean, log_variance = self.draw(x, None)
          return mean, log_variance
    `),
    block(`
      def decode(self, z):
          """Images of latents [batch, ${steps}, ${Z}]: the mean of p(x|z)."""
          state = (z.new_zeros(len(z), ${units}), z.new_zeros(len(z), ${units}))
          canvas = z.new_zeros(len(z), *IMAGE)
          for step in range(${steps}):
              state = self.decoder[0](z[:, step], state)
              canvas = canvas + self.stroke(state[0])
          return self.mean_image(canvas)
    `),
    block(`
      def reconstruct(self, x):
          """Images drawn with the posterior's mean in every step."""
          return self.mean_image(self.draw(x, None)[0])
    `),
    block(`
      def forward(self, x, noise=None, kl_weight=KL_WEIGHT):
          """The parts of the loss in nats per image; noise is [batch, ${steps}, ${Z}] normals, drawn unless given."""
          noise = torch.randn(len(x), ${steps}, ${Z}, device=x.device) if noise is None else noise
          canvas, mean, log_variance = self.draw(x, noise)
          kl = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum((1, 2)).mean()
          reconstruction = self.cost(canvas, x).mean()
          return {"total": reconstruction + kl_weight * kl, "reconstruction": reconstruction, "kl": kl}
    `),
  ]
}

/** Equations 19 to 26 of the paper. */
function filters(height: number, width: number): string[] {
  return block(`
    def filters(outputs, size):
        """F_X [batch, 1, size, ${width}], F_Y [batch, 1, size, ${height}] and the intensity [batch, 1, 1, 1]."""
        x, y, log_variance, log_stride, log_intensity = outputs.split(1, 1)
        stride = ${Math.max(height, width) - 1} / (size - 1) * log_stride.exp()
        rank = torch.arange(1, size + 1, dtype=outputs.dtype, device=outputs.device) - size / 2 - 0.5

        def bank(place, pixels):
            centers = (pixels + 1) / 2 * (place + 1) + rank * stride
            distances = torch.arange(1, pixels + 1, device=outputs.device) - centers[:, :, None]
            weights = torch.exp(-(distances**2) / (2 * log_variance.exp()[:, :, None]))
            return (weights / (weights.sum(2, keepdim=True) + 1e-8))[:, None]

        return bank(x, ${width}), bank(y, ${height}), log_intensity.exp()[:, :, None, None]
  `)
}

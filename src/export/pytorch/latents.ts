import type { LatentSpec, QuantizedLatentSpec, VaeSpec } from '../../model/spec.js'
import { sizeOf, type PlacedNetwork } from '../networks.js'
import { block, dictionary } from './text.js'

/** What a latent adds to a model's file. */
export interface LatentText {
  /** Statements of `__init__`. */
  modules: string[]
  /** Methods `posterior` and `draw`. */
  methods: string[][]
  /** Functions beside the class. */
  functions?: string[]
}

/** A latent of vectors: heads behind the encoder, and how z and its KL divergence follow. */
export function vectorLatent(spec: VaeSpec, encoder: PlacedNetwork): LatentText {
  const latent = spec.latent as Exclude<LatentSpec, QuantizedLatentSpec>
  const [inputs, Z] = [sizeOf(encoder.output), latent.size]
  const linear = (outputs: number) => `nn.Linear(${inputs}, ${outputs})`
  const heads = (others: Record<string, string>) => dictionary('self.latent = nn.ModuleDict(', { mean: linear(Z), ...others })
  switch (latent.type) {
    case 'deterministic': return {
      modules: heads({}),
      methods: [
        block(`
          def posterior(self, features):
              """The code alone, [batch, ${Z}]."""
              return (self.latent["mean"](features),)
        `),
        block(`
          def draw(self, posterior, noise=None):
              """z, which is the code, and no KL divergence."""
              (mean,) = posterior
              return mean, mean.new_zeros(len(mean))
        `),
      ],
    }
    case 'von-mises-fisher': return sphere(latent.size, latent.concentration, heads, linear)
    case 'gaussian': return latent.covariance === 'full' ? fullGaussian(Z, heads, linear) : diagonalGaussian(Z, heads, linear)
  }
}

type Heads = (others: Record<string, string>) => string[]
type Linear = (outputs: number) => string

function diagonalGaussian(Z: number, heads: Heads, linear: Linear): LatentText {
  return {
    modules: heads({ log_variance: linear(Z) }),
    methods: [
      block(`
        def posterior(self, features):
            """Mean and log-variance of q(z|x), [batch, ${Z}] each."""
            return self.latent["mean"](features), self.latent["log_variance"](features)
      `),
      block(`
        def draw(self, posterior, noise=None):
            """z and the KL divergence [batch]; noise is [batch, ${Z}] normals, drawn unless given."""
            mean, log_variance = posterior
            noise = torch.randn_like(mean) if noise is None else noise
            kl = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum(1)
            return mean + torch.exp(0.5 * log_variance) * noise, kl
      `),
    ],
  }
}

function fullGaussian(Z: number, heads: Heads, linear: Linear): LatentText {
  return {
    modules: heads({ cholesky: linear((Z * (Z + 1)) / 2) }),
    methods: [
      block(`
        def posterior(self, features):
            """Mean [batch, ${Z}] of q(z|x) and the lower triangle L [batch, ${Z}, ${Z}] of its covariance L Lᵀ.

            The head yields the triangle row by row; the diagonal is exp(output / 2).
            """
            outputs = self.latent["cholesky"](features)
            row, column = torch.tril_indices(${Z}, ${Z}, device=outputs.device)
            factor = outputs.new_zeros(len(outputs), ${Z}, ${Z})
            factor[:, row, column] = torch.where(row == column, torch.exp(0.5 * outputs), outputs)
            return self.latent["mean"](features), factor
      `),
      block(`
        def draw(self, posterior, noise=None):
            """z and the KL divergence [batch]; noise is [batch, ${Z}] normals, drawn unless given."""
            mean, factor = posterior
            noise = torch.randn_like(mean) if noise is None else noise
            diagonal = factor.diagonal(dim1=1, dim2=2)
            kl = 0.5 * ((factor**2).sum((1, 2)) + (mean**2).sum(1) - ${Z}) - diagonal.log().sum(1)
            return mean + (factor @ noise[:, :, None])[:, :, 0], kl
      `),
    ],
  }
}

function sphere(Z: number, fixed: number | undefined, heads: Heads, linear: Linear): LatentText {
  const kappa = fixed === undefined
    ? '1 + F.softplus(self.latent["concentration"](features))[:, 0]'
    : `mean.new_full((len(mean),), ${fixed})`
  return {
    modules: heads(fixed === undefined ? { concentration: linear(1) } : {}),
    methods: [
      block(`
        def posterior(self, features):
            """Mean direction [batch, ${Z}], of length 1, and concentration [batch] of q(z|x)."""
            mean = F.normalize(self.latent["mean"](features), dim=1)
            return mean, ${kappa}
      `),
      block(`
        def draw(self, posterior, noise=None):
            """z on the unit sphere and the KL divergence [batch] from the uniform distribution.

            A row of noise is u in (0, 1), then ${Z} normals, drawn unless given. z = omega mean + sqrt(1 - omega²) v;
            omega is the quantile of its marginal at u, v a random direction across the mean.
            """
            mean, kappa = posterior
            if noise is None:
                noise = torch.cat([torch.rand_like(mean[:, :1]), torch.randn_like(mean)], 1)
            omega, slope, kl, kl_slope = (value.to(mean.dtype) for value in marginal(kappa.detach(), noise[:, 0]))
            change = kappa - kappa.detach()  # 0, with the gradient of kappa
            omega, kl = omega + slope * change, kl + kl_slope * change
            across = noise[:, 1:] - (noise[:, 1:] * mean).sum(1, keepdim=True) * mean
            sine = torch.sqrt((1 - omega**2).clamp(min=1e-12))
            return omega[:, None] * mean + sine[:, None] * F.normalize(across, dim=1), kl
      `),
    ],
    functions: marginal(Z),
  }
}

/** Numbers of the marginal of a von Mises-Fisher distribution along its mean, by a grid. */
function marginal(size: number): string[] {
  return block(`
    def marginal(kappa, u):
        """omega at the quantile u, its derivative by kappa at this u, the KL divergence and its derivative, [batch] each.

        omega = tanh(y) is the component along the mean; the density of y is smooth and has one hump,
        exp(kappa · tanh(y)) (1 - tanh(y)²)^((size - 1)/2) / Z. Integrals are sums over a grid around the hump; what a
        cell holds follows from the density and its slope at both ends.
        """
        size, points = ${size}, 2049
        kappa, u = kappa.double()[:, None], u.double()[:, None].clamp(1e-9, 1 - 1e-9)

        def log_density(y):
            return kappa * torch.tanh(y) + (size - 1) * (math.log(2) - y.abs() - F.softplus(-2 * y.abs()))

        def edge(sign):
            """Where the density is exp(-32) of the top, by bisection."""
            near, far = torch.zeros_like(kappa), torch.full_like(kappa, 60.0)
            for _ in range(40):
                middle = (near + far) / 2
                inside = log_density(top + sign * middle) > log_density(top) - 32
                near, far = torch.where(inside, middle, near), torch.where(inside, far, middle)
            return top + sign * far

        top = torch.atanh(2 * kappa / (size - 1 + torch.sqrt((size - 1) ** 2 + 4 * kappa**2)))
        first, last = edge(-1), edge(1)
        y = first + (last - first) * torch.linspace(0, 1, points, dtype=kappa.dtype, device=kappa.device)
        h = (last - first) / (points - 1)
        log_z = torch.logsumexp(log_density(y), 1, keepdim=True) + h.log()
        density, omega = torch.exp(log_density(y) - log_z), torch.tanh(y)
        mean = (omega * density).sum(1, keepdim=True) * h
        variance = ((omega - mean) ** 2 * density).sum(1, keepdim=True) * h
        kl = kappa * mean - log_z + math.lgamma(0.5) + math.lgamma((size - 1) / 2) - math.lgamma(size / 2)

        def values(y):
            """The density p and its derivative, and those of (omega - mean) · p, the derivative of p by kappa."""
            omega, flat, p = torch.tanh(y), 1 / torch.cosh(y) ** 2, torch.exp(log_density(y) - log_z)
            slope = p * (kappa * flat - (size - 1) * omega)
            return p, slope, (omega - mean) * p, flat * p + (omega - mean) * slope

        p, dp, g, dg = values(y)
        mass, moment = (F.pad(v, (1, 0)) for v in (cells(h, p, dp).cumsum(1), cells(h, g, dg).cumsum(1)))
        left = (torch.searchsorted(mass, u) - 1).clamp(0, points - 2)
        start = y.gather(1, left)
        at = start + h / 2
        for _ in range(8):  # Newton's method inside one cell
            both = (torch.cat([v.gather(1, left), w], 1) for v, w in zip((p, dp, g, dg), values(at)))
            p_at, dp_at, g_at, dg_at = both
            excess = mass.gather(1, left) + cells(at - start, p_at, dp_at) - u
            by_kappa = moment.gather(1, left) + cells(at - start, g_at, dg_at)
            change = -by_kappa / p_at[:, 1:] / torch.cosh(at) ** 2
            found, at = at, torch.minimum(torch.maximum(at - excess / p_at[:, 1:], start), start + h)
        return torch.tanh(found)[:, 0], change[:, 0], kl[:, 0], (kappa * variance)[:, 0]


    def cells(width, value, slope):
        """The integral between every two neighbours in a row of values of a function and of its derivative."""
        means = (value[:, 1:] + value[:, :-1]) / 2
        return width * means - width**2 / 12 * (slope[:, 1:] - slope[:, :-1])
  `)
}

/** The nearest of learned vectors at every position of the encoder's last image. */
export function quantizedLatent(latent: QuantizedLatentSpec, encoder: PlacedNetwork): LatentText {
  const { codes, size } = latent
  const [channels, height, width] = encoder.output as readonly [number, number, number]
  const moving = latent.codebookUpdate === 'moving-average'
  const averages = block(`
    # moving averages of how many vectors chose each code, and of their sum; the codes follow them or the gradient
    self.codebook = nn.Module()
    self.codebook.register_buffer("count", torch.ones(${codes}))
    self.codebook.register_buffer("mean", torch.zeros(${codes}, ${size}))
    self.usage = torch.zeros(${codes}, dtype=torch.long)  # how often each code was chosen in the epoch
  `)
  return {
    modules: [
      ...dictionary('self.latent = nn.ModuleDict(', {
        projection: `nn.Conv2d(${channels}, ${size}, 1)`,
        codebook: `nn.Embedding(${codes}, ${size})`,
      }),
      ...(moving ? ['self.latent["codebook"].requires_grad_(False)'] : []),
      ...averages,
    ],
    methods: [
      block(`
        def nearest(self, vectors):
            """Codes [batch, ${height}, ${width}] of vectors [batch, ${size}, ${height}, ${width}]: the lowest among equals."""
            codebook = self.latent["codebook"].weight
            flat = vectors.permute(0, 2, 3, 1)
            return ((codebook**2).sum(1) - 2 * flat @ codebook.T).argmin(3)
      `),
      block(`
        def vectors(self, codes):
            """The vectors of codes, as an image for the decoder."""
            return self.latent["codebook"](codes).permute(0, 3, 1, 2)
      `),
      ...(moving ? [moveCodes(codes)] : []),
    ],
  }
}

function moveCodes(codes: number): string[] {
  return [
    '@torch.no_grad()',
    ...block(`
      def move_codes(self, summed, is_first=True):
          """After an update: codes become the averages of what chose them (van den Oord et al. 2017, appendix A.1).

          A code that hardly anything chooses starts again from a vector of the first process's batch. summed() adds a
          tensor up over all processes.
          """
          vectors, chosen = self.last_vectors, F.one_hot(self.last_codes, ${codes}).to(self.last_vectors.dtype)
          count = 0.99 * self.codebook.count + 0.01 * summed(chosen.sum(0))
          mean = 0.99 * self.codebook.mean + 0.01 * summed(chosen.T @ vectors)
          total = count.sum()
          share = total / ${codes}
          smoothed = (count + 1e-5) / (total + ${codes} * 1e-5) * total
          weight = mean / smoothed[:, None]
          dead = (count < 0.1 * share)[:, None]
          others = summed(vectors[torch.randint(len(vectors), (${codes},), device=vectors.device)] * float(is_first))
          self.latent["codebook"].weight.copy_(torch.where(dead, others, weight))
          self.codebook.mean.copy_(torch.where(dead, share * others, mean))
          self.codebook.count.copy_(torch.where(dead[:, 0], share, count))
    `),
  ]
}


import type { Activation } from '../ops/activation.js'

/** `'same'` is TensorFlow's rule; a number pads every side by that many, as PyTorch does. */
export type Padding = 'same' | number

/** y = act(W x + b) */
export interface DenseSpec {
  type: 'dense'
  units: number
  activation?: Activation
}

/** Cross-correlation; `kernel` and `stride` count both directions. Stride 1 and padding `'same'` unless given. */
export interface ConvSpec {
  type: 'conv'
  filters: number
  kernel: number
  stride?: number
  padding?: Padding
  activation?: Activation
}

/** The gradient of the convolution of the same geometry: `'same'` gives `n·s`, a number `(n − 1)·s − 2p + k`. */
export interface ConvTransposeSpec {
  type: 'conv-transpose'
  filters: number
  kernel: number
  stride?: number
  padding?: Padding
  activation?: Activation
}

/** Image to vector, in PyTorch's order (channel, row, column). */
export interface FlattenSpec {
  type: 'flatten'
}

/** Vector to image `[height, width, channels]`, filled in PyTorch's order (channel, row, column). */
export interface ReshapeSpec {
  type: 'reshape'
  shape: [height: number, width: number, channels: number]
}

/**
 * Batch normalisation (Ioffe & Szegedy 2015) as PyTorch defines it, momentum 0.1, epsilon 1e-5: each channel of an
 * image, or feature of a vector, by the batch's statistics in training and by the running ones elsewhere.
 */
export interface BatchNormSpec {
  type: 'batch-norm'
  activation?: Activation
}

/** act(x + layers(x)) */
export interface ResidualSpec {
  type: 'residual'
  layers: LayerSpec[]
  activation?: Activation
}

/** A long short-term memory, as PyTorch's `LSTMCell`; the encoder or decoder of a recurrent model. */
export interface LstmSpec {
  type: 'lstm'
  units: number
}

export type LayerSpec =
  DenseSpec | ConvSpec | ConvTransposeSpec | BatchNormSpec | FlattenSpec | ReshapeSpec | ResidualSpec | LstmSpec

/** q(z|x) = N(μ, diag exp(logvar)), or with full covariance N(μ, L Lᵀ); prior N(0, 1). */
export interface GaussianLatentSpec {
  type: 'gaussian'
  size: number
  /** `'diagonal'` unless given. */
  covariance?: 'diagonal' | 'full'
}

/** Points of the unit sphere around a direction, von Mises-Fisher distributed (Davidson et al. 2018); prior uniform. */
export interface VonMisesFisherLatentSpec {
  type: 'von-mises-fisher'
  /** Dimensions of the space that the sphere lies in, 3 or more. */
  size: number
  /** A fixed κ (Xu & Durrett 2018), from 0.001 to 10,000; unless given, it is learned, 1 + softplus(output). */
  concentration?: number
}

/** A plain autoencoder's code: no noise, no KL. */
export interface DeterministicLatentSpec {
  type: 'deterministic'
  size: number
}

/**
 * Vector quantisation (van den Oord et al. 2017): the encoder ends in an image, whose every pixel is projected to `size`
 * values and replaced by the nearest of `codes` learned vectors. The decoder reads the image of the chosen vectors.
 */
export interface QuantizedLatentSpec {
  type: 'vector-quantized'
  codes: number
  size: number
  /** Weight of the pull of the encoder towards the codes it chose, 0.25 unless given. */
  commitment?: number
  /**
   * How the codes follow the encoder: by the gradient of their distance, or as moving averages of what chose them (the
   * paper's appendix A.1), with codes that nothing chooses put back into use.
   */
  codebookUpdate?: 'gradient' | 'moving-average'
}

export type LatentSpec =
  GaussianLatentSpec | VonMisesFisherLatentSpec | DeterministicLatentSpec | QuantizedLatentSpec

/**
 * p(x|z) of an image. `bernoulli` and `continuous-bernoulli` (for grey values, with its normalising constant) read the
 * decoder's output as logits, `gaussian` as means; its variance is one number for all pixels, fixed or learned
 * (the parameter `likelihood.log_variance`, which starts at 0).
 */
export type LikelihoodSpec = { type: 'bernoulli' } | { type: 'continuous-bernoulli' } | GaussianLikelihoodSpec

/** Means, with one variance for all pixels. */
export interface GaussianLikelihoodSpec {
  type: 'gaussian'
  variance: number | 'learned'
}

/** DRAW (Gregor et al. 2015): the image is read, and drawn on a canvas, in so many steps. */
export interface RecurrentSpec {
  steps: number
  /** Filters each way of the grids that the encoder reads and the decoder writes through; whole images unless given. */
  attention?: { read: number; write: number }
}

/** A variational autoencoder as plain JSON. */
export interface VaeSpec {
  input: [height: number, width: number, channels: number]
  encoder: LayerSpec[]
  latent: LatentSpec
  /** The last layer yields logits, or means for a Gaussian likelihood. */
  decoder: LayerSpec[]
  likelihood: LikelihoodSpec
  /** Weight of the KL term, which quantised models lack, in the loss that training minimises; 1 is the true bound. */
  klWeight?: number
  /**
   * Conditional: the one-hot label of so many classes joins a dense encoder's input vector, or a convolutional one's input
   * image as constant planes after its channels, and the latent vector before the decoder.
   */
  classes?: number
  /**
   * With classes and a Gaussian latent of diagonal covariance: labels may be unknown (M2, Kingma et al. 2014). Layers
   * from the image to `classes` logits of q(y|x); the last one is linear.
   */
  classifier?: LayerSpec[]
  /** Weight of −ln q(label|x) of images whose label is known, 1 unless given. */
  classifierWeight?: number
  /** Encoder and decoder are one `lstm` each, the latent is a Gaussian with diagonal covariance in every step. */
  recurrent?: RecurrentSpec
  /** Judges images, and says how they are compared. */
  discriminator?: DiscriminatorSpec
}

/**
 * A network that tells images of the data from decoded ones, trained with the model (VAE-GAN, Larsen et al. 2016).
 * Images are compared by the output of its layer number `similarity` in place of their pixels; the decoder minimises
 * `weight` · reconstruction less what the discriminator minimises.
 */
export interface DiscriminatorSpec {
  /** The last one yields one linear output, the logit of an image being real. */
  layers: LayerSpec[]
  similarity: number
  weight: number
}

import type { VaeSpec } from '../../model/spec.js'
import { labelPlace, networksOf, isImage, type Networks } from '../networks.js'
import { drawModel } from './draw.js'
import { discriminatorText } from './discriminator.js'
import { quantizedLatent, vectorLatent } from './latents.js'
import { described, forward, moduleList } from './layers.js'
import { likelihoodMethods, likelihoodModule } from './likelihoods.js'
import { quantizedMethods, semiSupervisedMethods, vaeMethods } from './objectives.js'
import { block, commented, indented, joined, type ModelText } from './text.js'

/**
 * `model.py`: a model as a `torch.nn.Module` whose parameters have the names of the saved file. It depends on PyTorch
 * alone, and says only what this specification needs.
 */
export function modelProgram(spec: VaeSpec): string {
  const text = spec.recurrent ? drawModel(spec) : layeredModel(spec)
  const members = joined(text.methods.map((lines) => indented(lines)))
  const lines = joined([
    [
      `"""${text.title}, as elbo exported it.`,
      '',
      'Images are [batch, channels, height, width]; parameters have the names of the saved file.',
      '"""',
    ],
    [...(usesMath(spec) ? ['import math', ''] : []), 'import torch', 'import torch.nn.functional as F', 'from torch import nn'],
    constants(spec),
  ])
  return `${joined([lines, ...(text.functions ? [text.functions] : []), [...text.head, ...members]], 2).join('\n')}\n`
}

function usesMath({ likelihood, latent, classifier }: VaeSpec): boolean {
  return likelihood.type === 'gaussian' || latent.type === 'von-mises-fisher' || classifier !== undefined
}

function constants(spec: VaeSpec): string[] {
  const { input: [h, w, c], classes = 0, klWeight = 1, classifier, classifierWeight = 1, likelihood } = spec
  return [
    commented(`IMAGE = (${c}, ${h}, ${w})`, 'channels, height, width'),
    commented(`CLASSES = ${classes}`, classes ? 'a label an image' : 'no labels'),
    commented(`KL_WEIGHT = ${klWeight}`, '1 is the true bound'),
    ...(classifier ? [`CLASSIFIER_WEIGHT = ${classifierWeight}`, commented('UNLABELED = 255', 'a label that is not known')] : []),
    ...(likelihood.type === 'gaussian' && likelihood.variance !== 'learned'
      ? [commented(`VARIANCE = ${likelihood.variance}`, 'of every value of an image, given z')]
      : []),
  ]
}

function layeredModel(spec: VaeSpec): ModelText {
  const networks = networksOf(spec)
  const { encoder, decoder, classifier } = networks
  const isQuantized = spec.latent.type === 'vector-quantized'
  const latent = isQuantized ? quantizedLatent(spec.latent as never, encoder) : vectorLatent(spec, encoder)
  const judge = spec.discriminator && discriminatorText(spec, networks.discriminator!)
  const init = [
    'def __init__(self):',
    ...indented([
      'super().__init__()',
      ...moduleList('encoder', encoder),
      ...latent.modules,
      ...moduleList('decoder', decoder),
      ...likelihoodModule(spec),
      ...(classifier ? moduleList('classifier', classifier) : []),
      ...(judge?.modules ?? []),
    ]),
  ]
  const objective = isQuantized
    ? quantizedMethods(spec)
    : judge?.methods ?? (spec.classifier ? semiSupervisedMethods(spec) : vaeMethods(spec))
  return {
    title: titleOf(spec),
    head: ['class Vae(nn.Module):'],
    methods: [
      init,
      features(spec, networks),
      ...latent.methods,
      output(spec, networks),
      ...likelihoodMethods(spec),
      ...(classifier ? [classify(networks)] : []),
      ...objective,
    ],
    ...(latent.functions && { functions: latent.functions }),
  }
}

function titleOf({ latent, classifier, discriminator, classes }: VaeSpec): string {
  if (discriminator) return 'A variational autoencoder with a discriminator (VAE-GAN)'
  if (classifier) return 'A conditional variational autoencoder whose labels may be unknown (M2)'
  const kind = latent.type === 'deterministic' ? 'autoencoder' : 'variational autoencoder'
  if (latent.type === 'vector-quantized') return 'A vector-quantised variational autoencoder'
  return classes ? `A conditional ${kind}` : `A${kind === 'autoencoder' ? 'n' : ''} ${kind}`
}

/** The encoder, up to the heads. */
function features(spec: VaeSpec, { encoder }: Networks): string[] {
  const place = labelPlace(spec)
  const quantized = spec.latent.type === 'vector-quantized'
  const start = {
    planes: block(`
      planes = F.one_hot(labels, CLASSES).to(x.dtype)[:, :, None, None].expand(-1, -1, *x.shape[2:])
      ${commented('h = torch.cat([x, planes], 1)', described(encoder.input))}
    `),
    vector: block(`
      one_hot = F.one_hot(labels, CLASSES).to(x.dtype)
      ${commented('h = torch.cat([x.flatten(1), one_hot], 1)', described(encoder.input))}
    `),
    none: [commented('h = x', described(encoder.input))],
  }[place ?? 'none']
  const end = quantized
    ? 'return self.latent["projection"](h)'
    : isImage(encoder.output) ? 'return h.flatten(1)' : 'return h'
  const what = quantized
    ? "The encoder's vectors of images, before each becomes its nearest code."
    : 'What the encoder makes of images, for the heads.'
  return [
    `def features(self, x${spec.classes ? ', labels' : ''}):`,
    ...indented([`"""${what}"""`, ...start, ...forward(encoder), end]),
  ]
}

/** The decoder. */
function output(spec: VaeSpec, { decoder }: Networks): string[] {
  const { input: [h, w, c], classes } = spec
  const start = classes
    ? [commented('h = torch.cat([z, F.one_hot(labels, CLASSES).to(z.dtype)], 1)', described(decoder.input))]
    : [commented('h = z', described(decoder.input))]
  const isThere = isImage(decoder.output)
  return [
    `def output(self, z${classes ? ', labels' : ''}):`,
    ...indented([
      `"""The decoder's output ${described([c, h, w])}."""`,
      ...start,
      ...forward(decoder),
      isThere ? 'return h' : 'return h.view(-1, *IMAGE)',
    ]),
  ]
}

function classify({ classifier }: Networks): string[] {
  return [
    'def class_logits(self, x):',
    ...indented([
      '"""Logits [batch, CLASSES] of q(y|x)."""',
      commented('h = x', described(classifier!.input)),
      ...forward(classifier!),
      'return h',
    ]),
  ]
}


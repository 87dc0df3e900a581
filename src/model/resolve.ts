import { SpecError } from '../errors.js'
import { resolveClassifier } from './classifier.js'
import { resolveDiscriminator } from './discriminator.js'
import { resolveLatent } from './latents/kinds.js'
import { ConditionLayer } from './layers/condition.js'
import { resolveLayers } from './layers/kinds.js'
import { lastShape, listPlaces, type Layer } from './layers/layer.js'
import { reshaped, View } from './layers/view.js'
import { createLikelihood } from './likelihoods/kinds.js'
import type { Model } from './model.js'
import { SemiSupervisedModel } from './semi-supervised.js'
import { describeShape, type ImageShape, OrderGroups, type Shape, sizeOf } from './shapes.js'
import type { VaeSpec } from './spec.js'
import { VaeModel } from './vae.js'
import { VaeGanModel } from './vae-gan.js'

/**
 * Shapes of every layer, implicit views written out, the order of every vector.
 * @param spec with every value already checked on its own
 * @throws SpecError where layers do not fit together
 */
export function resolveVae(spec: VaeSpec): Model {
  const groups = new OrderGroups()
  const [h, w, c] = spec.input
  const input: ImageShape = { kind: 'image', h, w, c }

  const encoder = conditionedInput(spec, input, groups)
  encoder.push(...resolveLayers(spec.encoder, lastShape(encoder, input), listPlaces('encoder'), groups))
  const context = { groups, layers: spec.encoder.length }
  const { views, latent } = resolveLatent(spec.latent, lastShape(encoder, input), context)
  encoder.push(...views)

  const code = latent.output
  const decoder: Layer[] = spec.classes ? [new ConditionLayer('decoder', code, spec.classes, groups)] : []
  decoder.push(...resolveLayers(spec.decoder, lastShape(decoder, code), listPlaces('decoder'), groups))
  decoder.push(...outputViews(spec, lastShape(decoder, code), input, groups))

  const classifier = spec.classifier && resolveClassifier(spec, input, groups)
  const discriminator = spec.discriminator && resolveDiscriminator(spec.discriminator, input, groups)

  groups.settle()
  const vae = new VaeModel(spec, input, encoder, latent, decoder, createLikelihood(spec.likelihood))
  if (discriminator) return new VaeGanModel(vae, discriminator)
  return classifier ? new SemiSupervisedModel(vae, classifier) : vae
}

/** The label joins an encoder that begins with images as planes, any other as the end of the input vector. */
function conditionedInput(spec: VaeSpec, input: ImageShape, groups: OrderGroups): Layer[] {
  if (!spec.classes) return []
  const first = spec.encoder[0]?.type
  if (first === 'conv' || first === 'conv-transpose' || first === 'residual') {
    return [new ConditionLayer('encoder', input, spec.classes, groups)]
  }
  // PyTorch's order throughout, so that the label's values come after the image's whatever the channels.
  const view = new View('flatten', 'encoder.flatten', input, groups.add(sizeOf(input), 'plain'))
  return [view, new ConditionLayer('encoder', view.output, spec.classes, groups)]
}

/** What turns the decoder's last shape into the image it is compared with. */
function outputViews(spec: VaeSpec, last: Shape, input: ImageShape, groups: OrderGroups): Layer[] {
  const end = spec.decoder.length - 1
  const path = end < 0 ? 'decoder' : `decoder[${end}]`
  const size = sizeOf(last)
  if (size !== sizeOf(input)) {
    throw new SpecError(
      spec.decoder[end]?.type === 'dense' ? `${path}.units` : path,
      `the decoder ends in ${describeShape(last)}, needs ${sizeOf(input)} values as the input, ${describeShape(input)}`,
    )
  }
  if (last.kind === 'vector') return [reshaped(last, input, 'output', groups)]
  if (describeShape(last) === describeShape(input)) return []
  throw new SpecError(
    path,
    `the decoder ends in ${describeShape(last)}, needs the input's, ${describeShape(input)}; ` +
      'put a reshape last if its values count in the order (channel, row, column)',
  )
}

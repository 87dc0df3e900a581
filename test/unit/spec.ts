import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SpecError } from '../../src/errors.js'
import { checkSpec } from '../../src/model/check.js'
import type { VaeGanModel } from '../../src/model/vae-gan.js'
import type { View } from '../../src/model/layers/view.js'
import { checkVae } from '../support/check-vae.js'

const test = suite('checkSpec')

/** A valid specification on 4 × 6 × 3 images with parts replaced. */
function specWith(parts: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    input: [4, 6, 3],
    encoder: [{ type: 'dense', units: 10, activation: 'relu' }],
    latent: { type: 'gaussian', size: 2 },
    decoder: [{ type: 'dense', units: 72 }],
    likelihood: { type: 'bernoulli' },
    ...parts,
  }
}

function encoderOf(...encoder: unknown[]): Record<string, unknown> {
  return specWith({ encoder })
}

function decoderOf(...decoder: unknown[]): Record<string, unknown> {
  return specWith({ decoder })
}

function refused(spec: unknown, path: string, message: RegExp): void {
  let error: unknown
  try {
    checkSpec(spec)
  } catch (thrown) {
    error = thrown
  }
  assert.instance(error, SpecError, `expected a SpecError at "${path}", got ${error}`)
  assert.is((error as SpecError).path, path, (error as SpecError).message)
  assert.match((error as SpecError).message, message)
  assert.is((error as SpecError).code, 'spec')
}

test('accepts a valid specification and keeps a copy of it as it was given', () => {
  const spec = specWith({ klWeight: 0.5 })
  const model = checkSpec(spec)
  assert.equal(model.spec as unknown, spec)
  assert.is.not(model.spec as unknown, spec)
  assert.is(model.klWeight, 0.5)
  assert.is(checkSpec(specWith()).klWeight, 1)
})

test('keeps a specification that survives JSON', () => {
  const { spec } = checkSpec(specWith())
  assert.equal(JSON.parse(JSON.stringify(spec)), spec)
})

test('refuses what is no plain object', () => {
  for (const value of [undefined, null, 3, 'mlp', [], new Map(), () => 0]) refused(value, '', /as a plain object, got/)
  refused(encoderOf('dense'), 'encoder[0]', /needs a layer as a plain object, got "dense"/)
  refused(encoderOf(new (class Dense {})()), 'encoder[0]', /got a Dense/)
  refused(specWith({ latent: undefined }), 'latent', /got nothing/)
  refused(specWith({ encoder: { 0: {} } }), 'encoder', /needs an array of layers, got an object/)
  refused(specWith({ encoder: undefined }), 'encoder', /got nothing/)
  refused(specWith({ encoder: new Array(1) }), 'encoder[0]', /got nothing/)
})

test('names the key that was meant', () => {
  refused(
    encoderOf({ type: 'dense', unit: 3 }),
    'encoder[0].unit',
    /has no "unit", did you mean "units"\?.*type, units, activation/,
  )
  refused(encoderOf({ type: 'conv', size: 3 }), 'encoder[0].size', /has no "size"; its keys are type, filters/)
  refused(specWith({ klweight: 1 }), 'klweight', /did you mean "klWeight"/)
  refused(
    specWith({ latent: { type: 'gaussian', size: 2, units: 2 } }),
    'latent.units',
    /a gaussian latent has no "units"/,
  )
  refused(specWith({ likelihood: { type: 'bernoulli', variance: 1 } }), 'likelihood.variance', /its keys are type/)
  checkSpec(specWith({ klWeight: undefined, extra: undefined }))
})

test('says which types there are', () => {
  refused(
    encoderOf({ type: 'conv2d', filters: 3 }),
    'encoder[0].type',
    /no layer type "conv2d", did you mean "conv"\?.*"dense", "conv", "conv-transpose"/,
  )
  refused(encoderOf({ units: 3 }), 'encoder[0].type', /needs layer type, "dense".*got nothing/)
  refused(encoderOf({ type: 'toString' }), 'encoder[0].type', /no layer type/)
  refused(
    specWith({ latent: { type: 'categorical', size: 2 } }),
    'latent.type',
    /there is "gaussian", "von-mises-fisher", "deterministic", "vector-quantized"/,
  )
  refused(specWith({ likelihood: { type: 'laplace' } }), 'likelihood.type', /there is "bernoulli"/)
  refused(specWith({ likelihood: { type: 'gaussian', variance: 0 } }), 'likelihood.variance', /above 0/)
  refused(specWith({ likelihood: { type: 'gaussian' } }), 'likelihood.variance', /'learned', got nothing/)
  refused(specWith({ classes: 1 }), 'classes', /from 2/)
  refused(specWith({ classes: 300 }), 'classes', /at most 256/)
  refused(
    encoderOf({ type: 'dense', units: 3, activation: 'leakyrelu' }),
    'encoder[0].activation',
    /did you mean "leaky-relu"/,
  )
  refused(encoderOf({ type: 'dense', units: 3, activation: 2 }), 'encoder[0].activation', /got 2/)
})

test('refuses a sphere that cannot be', () => {
  const sphere = (parts: object) => specWith({ latent: { type: 'von-mises-fisher', size: 3, ...parts } })
  assert.equal(checkSpec(sphere({ concentration: 10_000 })).latent.output, { kind: 'vector', size: 3, order: 'plain' })
  refused(sphere({ size: 2 }), 'latent.size', /a sphere needs 3 dimensions or more, got 2/)
  refused(sphere({ size: 1 }), 'latent.size', /3 dimensions or more, got 1/)
  refused(sphere({ size: 3.5 }), 'latent.size', /needs a whole number/)
  refused(sphere({ size: undefined }), 'latent.size', /got nothing/)
  for (const concentration of [0, -1, 1e-4, 10_001, NaN, Infinity, '8', null]) {
    refused(sphere({ concentration }), 'latent.concentration', /needs a number from 0.001 to 10000, got/)
  }
  refused(sphere({ kappa: 3 }), 'latent.kappa', /a von-mises-fisher latent has no "kappa"/)
})

test('refuses a vector-quantized latent that cannot be', () => {
  const encoder = [{ type: 'conv', filters: 4, kernel: 3, stride: 2 }]
  const decoder = [{ type: 'conv-transpose', filters: 3, kernel: 4, stride: 2 }]
  const latent = { type: 'vector-quantized', codes: 8, size: 5 }
  const quantized = (parts: object, more = {}) =>
    specWith({ encoder, decoder, latent: { ...latent, ...parts }, ...more })
  const model = checkSpec(quantized({}))
  assert.equal(model.latent.output, { kind: 'image', h: 2, w: 3, c: 5 })
  refused(quantized({ codes: 0 }), 'latent.codes', /from 1 on, got 0/)
  refused(quantized({ codes: 1e9 }), 'latent.codes', /1000000000 codes of 5/)
  refused(quantized({ size: undefined }), 'latent.size', /got nothing/)
  refused(quantized({ commitment: -1 }), 'latent.commitment', /from 0 on, got -1/)
  refused(quantized({ codebookUpdate: 'ema' }), 'latent.codebookUpdate', /"gradient", "moving-average"/)
  refused(quantized({ code: 8 }), 'latent.code', /did you mean "codes"/)
  refused(quantized({}, { classes: 3 }), 'classes', /takes no labels yet/)
  refused(specWith({ latent }), 'encoder[0]', /needs an encoder that ends in an image, got a vector of 10/)
})

test('refuses numbers that count nothing', () => {
  for (const units of [0, -1, 2.5, NaN, Infinity, '3', null, undefined, [3]]) {
    refused(encoderOf({ type: 'dense', units }), 'encoder[0].units', /needs a whole number from 1 on/)
  }
  const conv = { type: 'conv', filters: 2, kernel: 3 }
  refused(encoderOf({ ...conv, filters: 0 }), 'encoder[0].filters', /got 0/)
  refused(encoderOf({ ...conv, kernel: [3, 3] }), 'encoder[0].kernel', /got an array/)
  refused(encoderOf({ ...conv, stride: 0 }), 'encoder[0].stride', /from 1 on, got 0/)
  refused(encoderOf({ ...conv, padding: -1 }), 'encoder[0].padding', /from 0 on, got -1/)
  refused(encoderOf({ ...conv, padding: 'valid' }), 'encoder[0].padding', /needs 'same' or .* got "valid"/)
  refused(specWith({ latent: { type: 'deterministic', size: 0 } }), 'latent.size', /got 0/)
  refused(specWith({ input: [4, 6] }), 'input', /\[height, width, channels\], got 2 values/)
  refused(specWith({ input: [4, 6, 0] }), 'input[2]', /got 0/)
  refused(specWith({ input: '4,6,3' }), 'input', /got "4,6,3"/)
  refused(
    decoderOf({ type: 'dense', units: 72 }, { type: 'reshape', shape: [4, 6.5, 3] }),
    'decoder[1].shape[1]',
    /got 6.5/,
  )
  for (const klWeight of [-1, NaN, Infinity, '1', null])
    refused(specWith({ klWeight }), 'klWeight', /finite number from 0 on/)
  checkSpec(specWith({ klWeight: 0 }))
})

test('refuses sizes beyond 32-bit indices', () => {
  refused(specWith({ input: [65536, 65536, 1] }), 'input', /4294967296 values = 65536 × 65536 × 1/)
  refused(encoderOf({ type: 'dense', units: 1e12 }), 'encoder[0].units', /at most 2\^31/)
  refused(encoderOf({ type: 'dense', units: 1e8 }), 'encoder[0].units', /100000000 × 72 weights/)
  refused(encoderOf({ type: 'conv', filters: 1e5, kernel: 100 }), 'encoder[0]', /weights/)
  refused(
    encoderOf({ type: 'conv-transpose', filters: 1e4, kernel: 1, stride: 1000 }),
    'encoder[0]',
    /an output of 4000 × 6000 × 10000/,
  )
  refused(specWith({ latent: { type: 'gaussian', size: 1e9 } }), 'latent.size', /weights of the head/)
  const large = { type: 'dense', units: 40000 }
  refused(encoderOf(large, large, large), '', /the parameters of all layers/)
})

test('refuses a specification that contains itself', () => {
  const residual: { type: string; layers: unknown[] } = { type: 'residual', layers: [] }
  residual.layers.push(residual)
  assert.throws(() => checkSpec(encoderOf(residual)), /residuals can lie at most 16 deep/)
})

test('refuses a convolution on a vector', () => {
  const conv = { type: 'conv', filters: 2, kernel: 3 }
  refused(
    encoderOf({ type: 'flatten' }, conv),
    'encoder[1]',
    /conv needs an image, got a vector of 72; put a reshape before/,
  )
  refused(
    decoderOf({ ...conv, type: 'conv-transpose' }),
    'decoder[0]',
    /conv-transpose needs an image, got a vector of 2/,
  )
})

test('refuses a kernel larger than the padded image', () => {
  const conv = { type: 'conv', filters: 2, kernel: 7 }
  refused(
    encoderOf({ ...conv, padding: 1 }),
    'encoder[0].kernel',
    /a 7 × 7 kernel does not fit into 6 × 8, .* 4 × 6 with a padding of 1/,
  )
  checkSpec(encoderOf({ ...conv, padding: 2 }))
  checkSpec(encoderOf(conv))
  const transposed = { type: 'conv-transpose', filters: 2, kernel: 2 }
  refused(encoderOf({ ...transposed, padding: 3 }), 'encoder[0].padding', /leaves an output of -1 × 1/)
})

test('refuses a reshape that does not fit', () => {
  refused(
    encoderOf({ type: 'reshape', shape: [4, 6, 4] }),
    'encoder[0].shape',
    /needs 96 = 4 × 6 × 4 values, got 72 = 4 × 6 × 3/,
  )
  refused(decoderOf({ type: 'reshape', shape: [1, 1, 3] }), 'decoder[0].shape', /needs 3 = 1 × 1 × 3 values, got 2/)
})

test('refuses a residual whose layers change the shape', () => {
  const conv = { type: 'conv', filters: 4, kernel: 3 }
  refused(
    encoderOf({ type: 'residual', layers: [conv] }),
    'encoder[0]',
    /an image 4 × 6 × 3, to what .* an image 4 × 6 × 4/,
  )
  refused(encoderOf({ type: 'residual', layers: [{ type: 'dense', units: 72 }] }), 'encoder[0]', /a vector of 72/)
  refused(encoderOf({ type: 'residual', layers: [] }), 'encoder[0].layers', /at least one layer with parameters/)
  refused(
    encoderOf({ type: 'residual', layers: [{ type: 'flatten' }, { type: 'reshape', shape: [4, 6, 3] }] }),
    'encoder[0].layers',
    /parameters/,
  )
  refused(encoderOf({ type: 'residual', layers: [{ ...conv, kernel: 0 }] }), 'encoder[0].layers[0].kernel', /got 0/)
  refused(
    encoderOf({ type: 'residual', layers: [{ ...conv, padding: 0, kernel: 5 }] }),
    'encoder[0].layers[0].kernel',
    /does not fit/,
  )
  checkSpec(encoderOf({ type: 'residual', layers: [conv, { ...conv, filters: 3 }] }))
})

test('refuses a discriminator that cannot be, and with what it cannot go', () => {
  const conv = { type: 'conv', filters: 2, kernel: 3, activation: 'relu' }
  const logit = { type: 'dense', units: 1 }
  const judge = (parts: object) => ({ layers: [conv, logit], similarity: 0, weight: 0.1, ...parts })
  const judged = (parts: object, others: object = {}) => specWith({ discriminator: judge(parts), ...others })
  refused(judged({ similarity: 2 }), 'discriminator.similarity', /needs one of its layers, 0 to 1, got 2/)
  refused(judged({ similarity: -1 }), 'discriminator.similarity', /got -1/)
  refused(judged({ layers: [] }), 'discriminator.similarity', /there are none, got 0/)
  refused(judged({ weight: -1 }), 'discriminator.weight', /got -1/)
  refused(judged({ layer: [] }), 'discriminator.layer', /a discriminator has no "layer"/)
  refused(judged({ layers: [conv, { ...logit, units: 2 }] }), 'discriminator.layers[1].units', /one linear output.*vector of 2/)
  refused(judged({ layers: [conv] }), 'discriminator.layers[0]', /one linear output.*image 4 × 6 × 2/)
  const sigmoid = { ...logit, activation: 'sigmoid' }
  refused(judged({ layers: [conv, sigmoid] }), 'discriminator.layers[1].activation', /linear output, not "sigmoid"/)
  const wide = { ...conv, kernel: 7, padding: 0 }
  refused(judged({ layers: [wide, logit] }), 'discriminator.layers[0].kernel', /does not fit/)
  const codes = { type: 'vector-quantized', codes: 4, size: 2 }
  const toImage = [{ type: 'conv', filters: 3, kernel: 3 }]
  refused(judged({}, { latent: codes, encoder: toImage, decoder: toImage }), 'discriminator', /draws of the prior/)
  const classifier = [{ type: 'dense', units: 3 }]
  refused(judged({}, { classes: 3, classifier }), 'discriminator', /does not go with a classifier/)
  refused(judged({}, { recurrent: { steps: 2 } }), 'discriminator', /does not go with a recurrent model/)
  const learned = { type: 'gaussian', variance: 'learned' }
  refused(judged({}, { likelihood: learned }), 'likelihood.variance', /nothing is learned of it/)
  const { discriminator, parameters } = checkSpec(judged({})) as VaeGanModel
  assert.is(discriminator.features, 4 * 6 * 2)
  assert.ok(parameters.call(checkSpec(judged({}))).some(({ name }) => name === 'discriminator.1.weight'))
})

test('refuses a decoder that does not yield the input', () => {
  refused(
    decoderOf({ type: 'dense', units: 70 }),
    'decoder[0].units',
    /ends in a vector of 70, needs 72 values as the input, an image 4 × 6 × 3/,
  )
  const image = [
    { type: 'dense', units: 72 },
    { type: 'reshape', shape: [6, 4, 3] },
  ]
  refused(
    decoderOf(...image),
    'decoder[1]',
    /ends in an image 6 × 4 × 3, needs the input's, an image 4 × 6 × 3; put a reshape last/,
  )
  checkSpec(decoderOf(...image, { type: 'flatten' }))
  refused(decoderOf(), 'decoder', /ends in a vector of 2/)
  refused(
    decoderOf(image[0], { type: 'reshape', shape: [4, 6, 3] }, { type: 'conv', filters: 1, kernel: 1 }),
    'decoder[2]',
    /4 × 6 × 1/,
  )
})

test('refuses an activation where logits are needed', () => {
  const last = { type: 'dense', units: 72, activation: 'sigmoid' }
  refused(decoderOf(last), 'decoder[0].activation', /must yield logits.*applies the sigmoid itself/)
  refused(
    decoderOf({ ...last, activation: 'tanh' }, { type: 'reshape', shape: [4, 6, 3] }),
    'decoder[0].activation',
    /logits/,
  )
  checkSpec(decoderOf(last, { type: 'dense', units: 72, activation: 'linear' }))
})

test('allows an empty encoder, and an empty decoder where the sizes fit', () => {
  const model = checkVae(specWith({ encoder: [], decoder: [], latent: { type: 'deterministic', size: 72 } }))
  assert.equal(
    model.encoder.map(({ kind }) => kind),
    ['flatten'],
  )
  assert.equal(
    model.decoder.map(({ kind }) => kind),
    ['reshape'],
  )
  assert.equal((model.decoder[0] as View).permutation, { from: 1, to: 3 })
})

test.run()

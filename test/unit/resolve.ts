import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ConvLayer } from '../../src/model/layers/conv.js'
import type { Layer } from '../../src/model/layers/layer.js'
import { ResidualLayer } from '../../src/model/layers/residual.js'
import { View } from '../../src/model/layers/view.js'
import type { LayerSpec } from '../../src/model/spec.js'
import { checkVae } from '../support/check-vae.js'

const test = suite('resolveVae')

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

test('writes implicit views out', () => {
  const model = checkVae(
    encoderOf(
      { type: 'conv', filters: 2, kernel: 3 },
      { type: 'dense', units: 8 },
      { type: 'flatten' },
      { type: 'reshape', shape: [2, 2, 2] },
    ),
  )
  assert.equal(kinds(model.encoder), [
    'conv encoder.0',
    'flatten encoder.1.flatten',
    'dense encoder.1',
    'reshape encoder.3',
    'flatten latent.flatten',
  ])
  assert.equal(kinds(model.decoder), ['dense decoder.0', 'reshape output'])
  assert.is(model.latent.input, model.encoder[4].output)
})

test('numbers layers by their place in the list, those without parameters too', () => {
  const inner: LayerSpec[] = [
    { type: 'conv', filters: 5, kernel: 1 },
    { type: 'conv', filters: 3, kernel: 1 },
  ]
  const model = checkVae(
    encoderOf({ type: 'residual', layers: inner }, { type: 'flatten' }, { type: 'dense', units: 4 }),
  )
  assert.equal(kinds(model.encoder), ['residual encoder.0', 'flatten encoder.1', 'dense encoder.2'])
  const [residual] = model.encoder
  assert.ok(residual instanceof ResidualLayer)
  assert.equal(kinds(residual.layers), ['conv encoder.0.0', 'conv encoder.0.1'])
})

test('finds one order for a dense layer and the reshape behind it', () => {
  const model = checkVae(specWith())
  const [dense, reshape] = model.decoder
  assert.equal(dense.output, { kind: 'vector', size: 72, order: { h: 4, w: 6, c: 3 } })
  assert.is(reshape.input, dense.output)
  assert.equal(model.encoder[0].output, { kind: 'vector', size: 72, order: { h: 4, w: 6, c: 3 } })
  const gray = checkVae(specWith({ input: [6, 12, 1] }))
  assert.equal(gray.decoder[0].output, { kind: 'vector', size: 72, order: 'plain' })
})

test('permutes only where no order fits', () => {
  const dense = (units: number) => ({ type: 'dense', units })
  const residual = (...layers: unknown[]) => ({ type: 'residual', layers })
  const reshape = (...shape: number[]) => ({ type: 'reshape', shape })
  const flatten = { type: 'flatten' }
  const conv = { type: 'conv', filters: 4, kernel: 1 }
  const cases: [what: string, permutes: number, ...decoder: unknown[]][] = [
    ['latent straight to an image', 1, reshape(1, 2, 4), flatten, dense(72)],
    ['latent to one channel', 0, reshape(2, 4, 1), flatten, dense(72)],
    ['reshape and back', 0, dense(24), reshape(2, 3, 4), flatten, reshape(2, 3, 4), flatten, dense(72)],
    ['as many channels, other height and width', 0, dense(24), reshape(2, 3, 4), reshape(6, 1, 4), flatten, dense(72)],
    ['other channels', 1, dense(24), reshape(2, 3, 4), reshape(3, 4, 2), flatten, dense(72)],
    [
      'residual around a dense layer behind a flatten',
      0,
      dense(24),
      reshape(2, 3, 4),
      flatten,
      residual(dense(24)),
      dense(72),
    ],
    [
      'residual whose layers end in an image',
      0,
      dense(24),
      residual(dense(24), reshape(2, 3, 4), conv, flatten),
      dense(72),
    ],
    ['residual before the last reshape', 0, dense(72), residual(dense(72), residual(dense(5), dense(72)))],
    [
      'residual of another order',
      2,
      dense(24),
      reshape(3, 4, 2),
      flatten,
      residual(reshape(2, 3, 4), conv, flatten),
      dense(72),
    ],
    ['residual around the latent', 1, residual(reshape(1, 2, 4), dense(8)), dense(72)],
  ]
  for (const [what, permutes, ...decoder] of cases) {
    const model = checkVae(specWith({ latent: { type: 'gaussian', size: 8 }, decoder }))
    assert.is(countPermutes(model.decoder), permutes, `${what}: ${JSON.stringify(kinds(model.decoder))}`)
  }
})

test('gives convolutions the geometry of TensorFlow and PyTorch', () => {
  // [type, n, kernel, stride, padding] → [n of the output, leading padding]
  const cases: [LayerSpec['type'], number, number, number, 'same' | number | undefined, number, number][] = [
    ['conv', 28, 3, 1, undefined, 28, 1],
    ['conv', 28, 3, 2, 'same', 14, 0], // total 1, the smaller half first
    ['conv', 7, 3, 2, 'same', 4, 1],
    ['conv', 5, 4, 1, 'same', 5, 1],
    ['conv', 5, 1, 3, 'same', 2, 0],
    ['conv', 32, 4, 2, 1, 16, 1],
    ['conv', 8, 3, 2, 0, 3, 0],
    ['conv', 5, 3, 2, 2, 4, 2],
    ['conv-transpose', 14, 3, 2, 'same', 28, 0],
    ['conv-transpose', 7, 5, 2, 'same', 14, 1],
    ['conv-transpose', 3, 2, 3, 'same', 9, 0],
    ['conv-transpose', 8, 4, 2, 1, 16, 1],
    ['conv-transpose', 5, 3, 2, 0, 11, 0],
    ['conv-transpose', 5, 3, 1, 1, 5, 1],
  ]
  for (const [type, n, kernel, stride, padding, size, before] of cases) {
    const layer = { type, filters: 2, kernel, stride, padding }
    const [conv] = checkVae(
      specWith({ input: [n, n, 5], encoder: [layer], decoder: [{ type: 'dense', units: n * n * 5 }] }),
    ).encoder
    const { output, geometry } = conv as ConvLayer
    const what = JSON.stringify(layer)
    assert.equal(output, { kind: 'image', h: size, w: size, c: 2 }, what)
    const [H, Ho, Ci, Co] = type === 'conv' ? [n, size, 5, 2] : [size, n, 2, 5]
    const wanted = { H, W: H, Ci, Ho, Wo: Ho, Co, Kh: kernel, Kw: kernel, S: stride, padTop: before, padLeft: before }
    assert.equal(geometry, wanted, what)
  }
})

test('treats height and width apart', () => {
  const [conv] = checkVae(encoderOf({ type: 'conv', filters: 2, kernel: 4, stride: 3 })).encoder as ConvLayer[]
  const { Ho, Wo, padTop, padLeft } = conv.geometry // totals (2−1)·3+4−4 = 3 and (2−1)·3+4−6 = 1
  assert.equal([Ho, Wo, padTop, padLeft], [2, 2, 1, 0])
})

function kinds(layers: readonly Layer[]): string[] {
  return layers.map(({ kind, path }) => `${kind} ${path}`)
}

function countPermutes(layers: readonly Layer[]): number {
  return layers.reduce((sum, layer) => {
    if (layer instanceof ResidualLayer) return sum + countPermutes(layer.layers)
    return sum + Number(layer instanceof View && layer.permutation !== undefined)
  }, 0)
}

test.run()

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkSpec } from '../../src/model/check.js'
import { convLayout, denseLayout, fromInner, innerElements, toInner, vectorLayout } from '../../src/model/layout.js'
import {
  initialParameters,
  type ParameterSpec,
  parameterCount,
  placeParameters,
} from '../../src/model/parameters.js'
import type { VaeSpec } from '../../src/model/spec.js'
import { Random, STREAMS } from '../../src/random.js'
import { elementCount, type Tensor } from '../../src/tensor.js'
import { evaluateInner, evaluateTorch } from '../reference/orders.js'
import { checkVae } from '../support/check-vae.js'

const test = suite('parameters')

const spec: VaeSpec = {
  input: [4, 6, 3],
  encoder: [
    { type: 'residual', layers: [{ type: 'conv', filters: 3, kernel: 3 }] },
    { type: 'conv', filters: 5, kernel: 4, stride: 2, padding: 1, activation: 'relu' },
    { type: 'dense', units: 7, activation: 'tanh' },
  ],
  latent: { type: 'gaussian', size: 3 },
  decoder: [
    { type: 'dense', units: 30, activation: 'leaky-relu' },
    { type: 'reshape', shape: [2, 3, 5] },
    { type: 'conv-transpose', filters: 3, kernel: 2, stride: 2 },
  ],
  likelihood: { type: 'bernoulli' },
}

test("has PyTorch's names and shapes", () => {
  const specs = checkSpec(spec).parameters()
  const table = specs.map(({ name, shape }) => `${name} [${shape}]`)
  assert.equal(table, [
    'encoder.0.0.weight [3,3,3,3]',
    'encoder.0.0.bias [3]',
    'encoder.1.weight [5,3,4,4]',
    'encoder.1.bias [5]',
    'encoder.2.weight [7,30]',
    'encoder.2.bias [7]',
    'latent.mean.weight [3,7]',
    'latent.mean.bias [3]',
    'latent.log_variance.weight [3,7]',
    'latent.log_variance.bias [3]',
    'decoder.0.weight [30,3]',
    'decoder.0.bias [30]',
    'decoder.2.weight [5,3,2,2]',
    'decoder.2.bias [3]',
  ])
  assert.is(parameterCount(specs), 81 + 3 + 240 + 5 + 210 + 7 + 2 * (21 + 3) + 90 + 30 + 60 + 3)
})

test('gives a deterministic model one head', () => {
  const specs = checkSpec({ ...spec, latent: { type: 'deterministic', size: 3 } }).parameters()
  assert.equal(
    specs.filter(({ name }) => name.startsWith('latent')).map(({ name }) => name),
    ['latent.mean.weight', 'latent.mean.bias'],
  )
})

test('places parameters at multiples of 64 values, without overlap', () => {
  const specs = checkSpec(spec).parameters()
  const { offsets, elements } = placeParameters(specs)
  const used = new Uint8Array(elements)
  for (const { name, layout, behind } of specs) {
    if (behind === undefined) assert.is(offsets[name] % 64, 0, name)
    for (let i = 0; i < innerElements(layout); i++) assert.is(used[offsets[name] + i]++, 0, `${name} overlaps at ${i}`)
  }
  assert.is(elements % 64, 0)
})

test('places the two heads so that they are one dense layer', () => {
  const { offsets } = placeParameters(checkSpec(spec).parameters()) // Z 3 padded to 4, 7 features padded to 8
  assert.is(offsets['latent.log_variance.weight'], offsets['latent.mean.weight'] + 4 * 8)
  assert.is(offsets['latent.log_variance.bias'], offsets['latent.mean.bias'] + 4)
})

test('lays dense weights out with permuted rows and columns and zero padding', () => {
  const data = Float32Array.from({ length: 6 * 5 }, (_, i) => i + 1)
  const plain = toInner(data, denseLayout(6, 5, 'plain', 'plain'))
  assert.is(plain.length, 8 * 8)
  assert.equal([...plain.subarray(8, 16)], [6, 7, 8, 9, 10, 0, 0, 0])
  assert.equal([...plain.subarray(48)], new Array(16).fill(0))
  const rows = toInner(data, denseLayout(6, 5, { h: 1, w: 2, c: 3 }, 'plain')) // (c, p): 0 2 4 1 3 5
  assert.equal(
    [0, 1, 2, 3, 4, 5].map((row) => rows[8 * row]),
    [1, 11, 21, 6, 16, 26],
  )
  const columns = toInner(data, denseLayout(5, 6, 'plain', { h: 1, w: 3, c: 2 }))
  assert.equal([...columns.subarray(8, 16)], [7, 10, 8, 11, 9, 12, 0, 0])
  const bias = toInner(data.subarray(0, 6), vectorLayout(6, { h: 1, w: 3, c: 2 }))
  assert.equal([...bias], [1, 4, 2, 5, 3, 6, 0, 0])
})

test('lays convolution weights out by any order of axes', () => {
  const shape = [2, 3, 1, 2]
  const data = Float32Array.from({ length: 12 }, (_, i) => i)
  assert.equal([...toInner(data, convLayout(shape, [0, 2, 3, 1]))], [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11])
  assert.equal([...toInner(data, convLayout(shape, [2, 3, 1, 0]))], [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11])
})

test('comes back from the inner layout unchanged', () => {
  for (const { name, shape, layout } of checkSpec(spec).parameters()) {
    const data = Float32Array.from({ length: elementCount(shape) }, (_, i) => i + 1)
    const inner = toInner(data, layout)
    assert.equal(fromInner(inner, layout), data, name)
    assert.is(inner.filter((value) => value !== 0).length, data.length, name)
  }
})

test('starts with Glorot-uniform weights and zero biases', () => {
  const specs = checkSpec(spec).parameters()
  const values = initialParameters(specs, 7)
  const bounds: Record<string, number> = {
    'encoder.1.weight': Math.sqrt(6 / (16 * 3 + 16 * 5)),
    'encoder.2.weight': Math.sqrt(6 / 37),
    'decoder.2.weight': Math.sqrt(6 / (4 * 5 + 4 * 3)),
  }
  for (const [name, bound] of Object.entries(bounds)) {
    const { data } = values[name]
    const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length
    assert.ok(largest <= Math.fround(bound) && largest > 0.9 * bound, `${name}: ${largest}, bound ${bound}`)
    assert.ok(Math.abs(mean) < (4 * bound) / Math.sqrt(3 * data.length), `${name}: mean ${mean}`) // 4 standard errors
  }
  for (const { name, shape } of specs) {
    assert.equal(values[name].shape, shape)
    if (name.endsWith('bias')) assert.ok(values[name].data.every((value) => value === 0))
  }
})

test('draws every parameter from its own place in the seed', () => {
  const specs = checkSpec(spec).parameters()
  const values = initialParameters(specs, 7)
  assert.equal(initialParameters(specs, 7), values)
  assert.not.equal(initialParameters(specs, 8)['encoder.2.weight'].data, values['encoder.2.weight'].data)
  const { init } = specs[4]
  assert.ok(init.type === 'glorot-uniform')
  const bound = Math.sqrt(6 / (init.fanIn + init.fanOut))
  const random = new Random(7, STREAMS.INIT, 4)
  assert.is(values['encoder.2.weight'].data[0], Math.fround(random.between(-bound, bound)))
})

test('refuses a seed that is no whole number', () => {
  assert.throws(() => initialParameters(checkSpec(spec).parameters(), 0.5), /seed: needs a whole number/)
})

test("computes inside what PyTorch's order computes, on 300 random models", () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = new Random(seed, STREAMS.GLYPHS)
    const drawn = randomSpec(random)
    const model = checkVae(drawn)
    const specs = model.parameters()
    const values = randomValues(specs, random)
    const inner = Object.fromEntries(
      specs.map((parameter) => [parameter.name, toInner(values[parameter.name].data, parameter.layout)]),
    )
    const image = Float64Array.from({ length: elementCount(drawn.input) }, () => random.normal())
    const expected = evaluateTorch(drawn, values, image)
    const actual = evaluateInner(model, specs, inner, image)
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1)
    assert.is(actual.length, expected.length)
    expected.forEach((value, i) => {
      // float64 sums of a few hundred terms, added in another order
      const close = Math.abs(actual[i] - value) <= 1e-11 * largest
      assert.ok(close, `seed ${seed}: output ${i} is ${actual[i]}, not ${value}: ${JSON.stringify(drawn)}`)
    })
  }
})

function randomValues(specs: ParameterSpec[], random: Random): Record<string, Tensor> {
  return Object.fromEntries(
    specs.map(({ name, shape }) => [
      name,
      {
        shape,
        data: Float32Array.from(
          { length: elementCount(shape) },
          () => random.normal() / Math.sqrt(elementCount(shape.slice(1)) + 1),
        ),
      },
    ]),
  )
}

function randomSpec(random: Random): VaeSpec {
  const input = pick(random, [
    [2, 3, 4],
    [3, 2, 2],
    [1, 4, 3],
    [4, 3, 1],
  ])
  const size = pick(random, [[1], [6], [12]])[0]
  const encoder = randomLayers(random, input, 2)
  const decoder = randomLayers(random, [size], 2)
  return {
    input: input as VaeSpec['input'],
    encoder: encoder.layers,
    latent: { type: 'deterministic', size },
    decoder: [...decoder.layers, { type: 'dense', units: elementCount(input) }],
    likelihood: { type: 'bernoulli' },
  }
}

/** Up to five layers that fit; `shape` is [n] or [h, w, c]. */
function randomLayers(random: Random, shape: number[], depth: number): { layers: VaeSpec['encoder']; shape: number[] } {
  const layers: VaeSpec['encoder'] = []
  for (let left = random.integer(5) + 1; left > 0; left--) {
    const n = elementCount(shape)
    const kind = random.integer(6)
    if (kind === 0) {
      layers.push({ type: 'flatten' })
      shape = [n]
    } else if (kind === 1) {
      const h = pick(random, divisors(n))
      const w = pick(random, divisors(n / h))
      layers.push({ type: 'reshape', shape: [h, w, n / h / w] })
      shape = [h, w, n / h / w]
    } else if (kind === 2 && depth > 0) {
      const inner = randomLayers(random, shape, depth - 1)
      const end: VaeSpec['encoder'] = [{ type: 'dense', units: n }]
      if (shape.length === 3) end.push({ type: 'reshape', shape: shape as VaeSpec['input'] })
      const fits = elementCount(inner.shape) === n && hasParameters(inner.layers)
      if (fits && shape.length === 1) end.splice(0, 1, { type: 'flatten' })
      layers.push({ type: 'residual', layers: [...inner.layers, ...end] })
    } else if (kind >= 3 && shape.length === 3) {
      const type = kind === 3 ? 'conv-transpose' : 'conv'
      const stride = type === 'conv' || n < 50 ? random.integer(2) + 1 : 1
      const [h, w] = shape.map((size) => (type === 'conv' ? Math.ceil(size / stride) : size * stride))
      const filters = random.integer(3) + 1
      layers.push({ type, filters, kernel: random.integer(3) + 1, stride, activation: 'leaky-relu' })
      shape = [h, w, filters]
    } else {
      const units = pick(random, [6, 8, 12, n])
      layers.push({ type: 'dense', units, activation: 'tanh' })
      shape = [units]
    }
  }
  return { layers, shape }
}

function hasParameters(layers: VaeSpec['encoder']): boolean {
  return layers.some(({ type }) => type !== 'flatten' && type !== 'reshape')
}

function divisors(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0)
}

function pick<T>(random: Random, items: T[]): T {
  return items[random.integer(items.length)]
}

test.run()

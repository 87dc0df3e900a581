import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compare, epochMean } from '../../bench/reproduce/compare.js'
import { parseOptions, usage } from '../../bench/reproduce/options.js'
import { planReproduction } from '../../bench/reproduce/plan.js'
import { slugOf } from '../../bench/reproduce/record.js'
import { iwaeSamples, reproductionNames, reproductions } from '../../bench/reproduce/reproductions.js'
import { glyphs } from '../../src/data/glyphs.js'
import { checkSpec } from '../../src/model/check.js'
import { parameterCount } from '../../src/model/parameters.js'
import { sizeOf } from '../../src/model/shapes.js'
import { rateAt } from '../../src/ops/rates.js'
import { UsageError } from '../../src/tools/arguments.mjs'
import { pytorchParameters } from '../../src/tools/train/initialization.js'
import type { HistoryRow } from '../../src/tools/train/history.js'

const test = suite('reproduce')

/** As published, or counted by hand from the published layers. */
const published: Record<string, { parameters: number; encoder?: number; latent: number; batch: number }> = {
  'pytorch-example': { parameters: 652_824, latent: 20, batch: 128 },
  mlp: { parameters: 404_244, encoder: 201_988, latent: 2, batch: 100 },
  mlpDeep: { parameters: 1_189_984, latent: 200, batch: 100 },
  conv: { parameters: 550_629, latent: 2, batch: 16 },
  draw: { parameters: 823_095, latent: 100, batch: 128 },
  'keras-conv': { parameters: 134_165, encoder: 69_076, latent: 2, batch: 128 },
  'keras-mlp-z2': { parameters: 404_244, encoder: 201_988, latent: 2, batch: 100 },
  conditional: { parameters: 660_824, latent: 20, batch: 64 },
  iwae: { parameters: 425_284, latent: 50, batch: 20 },
  sphere: { parameters: 469_396, latent: 3, batch: 64 },
  'sphere-gaussian': { parameters: 469_268, latent: 2, batch: 64 },
}

for (const [name, expected] of Object.entries(published)) {
  test(`${name} has ${expected.parameters} parameters and a latent of ${expected.latent}`, () => {
    const { spec, parameterCount: stated, batchSize } = reproductions[name](1)
    const model = checkSpec(spec)
    const parameters = model.parameters()
    assert.is(parameterCount(parameters), expected.parameters)
    assert.is(stated, expected.parameters)
    assert.is(sizeOf(model.latent.output), expected.latent)
    assert.is(batchSize, expected.batch)
    const encoder = parameters.filter((parameter) => /^(encoder|latent)\./.test(parameter.name))
    if (expected.encoder) assert.is(parameterCount(encoder), expected.encoder)
  })
}

test('every name has whole settings, and a published figure for each of its forms', () => {
  assert.equal(reproductionNames.slice().sort(), Object.keys(published).sort())
  for (const name of reproductionNames) {
    for (const k of name === 'iwae' ? iwaeSamples : [1]) {
      const { source, full, short, importanceSamples, reportEvery } = reproductions[name](k)
      assert.ok(source.length > 0 && reportEvery > 0)
      assert.is(importanceSamples, k)
      for (const length of short ? [full, short] : [full]) {
        assert.ok(length.published.length > 0, `${name} is compared with something`)
        for (const { values, epoch = 0, quantity } of length.published) {
          assert.ok(values.length > 0 && values.every((value) => value > 50 && value < 300), `${name}: ${values}`)
          assert.ok(quantity === 'bound' ? length.testSamples! > 1 : epoch >= 1 && epoch <= length.epochs)
        }
      }
    }
  }
})

test('the learning rate of iwae is 1e-3 · 10^(−i/7) for 3^i epochs', () => {
  const { learningRate } = reproductions.iwae(1).optimizer
  let epoch = 0
  for (let i = 0; i <= 7; i++) {
    for (const step of [epoch * 3000, (epoch + 3 ** i) * 3000 - 1]) {
      const expected = 1e-3 * 10 ** (-i / 7)
      assert.ok(Math.abs(rateAt(learningRate, step) / expected - 1) < 1e-12, `stage ${i}, step ${step}`)
    }
    epoch += 3 ** i
  }
  assert.is(epoch, 3280)
})

test('options: unknown names fail with the list, and so do settings that do not belong', () => {
  const wrong: [args: string[], message: RegExp][] = [
    [[], /name of a reproduction is missing; there are pytorch-example, mlp, mlpDeep, conv, draw, keras-conv, /],
    [['vgg'], /no reproduction "vgg"; there are pytorch-example, .*, conditional, iwae/],
    [['iwae', 'conditional'], /one name at a time: "iwae" or "conditional"/],
    [['iwae', '--k', '7'], /--k: there is no "7"; there are 1, 5, 50/],
    [['conditional', '--k', '5'], /--k goes with iwae/],
    [['conditional', '--short'], /conditional has no --short form/],
    [['iwae', '--epochs', '5'], /--epochs is unknown; there are --data/],
    [['iwae', '--short=yes'], /--short takes no value/],
  ]
  for (const [args, message] of wrong) {
    assert.throws(
      () => parseOptions(args),
      (error: Error) => error instanceof UsageError && message.test(error.message),
      `${args}: ${message}`,
    )
  }
  assert.is(parseOptions(['--help']), undefined)
  const options = parseOptions(['iwae', '--k', '1', '--short', '--seed', '3'])!
  assert.equal([options.name, options.k, options.short, options.seed, options.data], ['iwae', 1, true, 3, 'mnist'])
})

test('the help tells of every name its source and its figures', () => {
  const text = usage()
  for (const name of reproductionNames) {
    const { source, full } = reproductions[name](1)
    for (const part of [name, source, ...full.published.map(({ values }) => values.join(', '))]) {
      assert.ok(text.includes(part), `${part} is in the help`)
    }
  }
})

test('what is out of reach on a software adapter is refused there, unless asked for anyway', () => {
  const set = glyphs({ count: 20 })
  const data = { name: 'glyphs', train: set, test: set }
  const refusal = (...args: string[]) => {
    const options = parseOptions(args)!
    return planReproduction(reproductions[options.name](options.k), options, data).softwareRefusal
  }
  assert.match(refusal('iwae')!, /--short trains less, --anyway/)
  assert.match(refusal('keras-conv')!, /--anyway/)
  for (const args of [['iwae', '--anyway'], ['iwae', '--steps', '5'], ['iwae', '--short'], ['conditional']]) {
    assert.is(refusal(...args), undefined, args.join(' '))
  }
})

test("an epoch's mean counts images, of the short last batch too", () => {
  const row = (step: number, epoch: number, reconstruction: number): HistoryRow =>
    ({ set: 'train', step, epoch, total: 0, reconstruction, kl: 1 })
  const rows = [row(2, 1, 9), row(3, 1, 8), row(5, 2, 4), row(6, 2, 1)]
  const pass = { batchSize: 10, count: 25 } // 10 + 10 + 5
  assert.equal(epochMean(rows, 2, pass), { reconstruction: (20 * 4 + 5 * 1) / 25, kl: 1 })
  assert.is(epochMean(rows, 3, pass), undefined)
  assert.is(epochMean(rows.slice(0, 3), 2, pass), undefined, 'the epoch was cut short')
})

test('a figure is weighed as the published one, beside the true −ELBO', () => {
  const rows: HistoryRow[] = [{ set: 'test', step: 3, epoch: 1, total: 0, reconstruction: 100, kl: 20 }]
  const one = { source: 'x', quantity: 'test', epoch: 1, klWeight: 0.1, values: [99] } as const
  const bound = { source: 'y', quantity: 'bound', klWeight: 1, values: [80] } as const
  const length = { epochs: 2, published: [one, { ...one, epoch: 2 }, bound] }
  const figures = compare(rows, 81, length, { batchSize: 10, count: 25 })
  assert.equal(figures.map(({ ours, negativeElbo }) => [ours, negativeElbo]), [[102, 120], [81, undefined]])
})

test('an adapter is called in file names as everybody calls it', () => {
  assert.is(slugOf('google swiftshader (software adapter, on the CPU)'), 'swiftshader')
  assert.is(slugOf('llvmpipe (LLVM 15.0.6, 256 bits) (software adapter, on the CPU)'), 'llvmpipe')
  assert.is(slugOf('NVIDIA H100 80GB HBM3'), 'nvidia-h100-80gb-hbm3')
})

test("PyTorch's initial values lie within 1/√inputs, those of a bias too", () => {
  const tensor = (...shape: number[]) => ({ shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) })
  const like = { 'a.weight': tensor(50, 100), 'a.bias': tensor(50), 'b.weight': tensor(20, 4, 5, 5), 'b.bias': tensor(20) }
  const drawn = pytorchParameters(like, 3)
  assert.equal(Object.keys(drawn), Object.keys(like))
  for (const [name, { shape, data }] of Object.entries(drawn)) {
    assert.equal(shape, like[name as keyof typeof like].shape)
    const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    assert.ok(largest <= 0.1 && largest > 0.07, `${name} reaches ${largest}, bound 0.1`)
  }
})

test.run()

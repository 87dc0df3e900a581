import * as assert from 'uvu/assert'
import { adam, adamw, dataset, rmsprop, sgd, SpecError, type Optimizer, type Vae } from '../../src/index.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes } from '../reference/formula.js'
import { expectSameParameters, TINY, withEngine } from '../support/engine.js'
import { expectError } from '../support/errors.js'

const test = suite('optimizers that cannot be')

const data = dataset({ images: blobBytes(29, [4, 3, 1], 1), shape: [4, 3, 1] })
const images = new Float32Array(36).fill(0.5)
const batchSize = 8

/** What came for an optimiser, where it is wrong, and what the message says of it. */
const wrong: [given: unknown, path: string, ...parts: string[]][] = [
  ['adam', '', '"adam"', 'rmsprop()'],
  [null, '', 'null'],
  [1e-3, '', '0.001'],
  [adam, '', 'a function', 'adam()'],
  [[], '', 'an array'],
  [{}, '.type', 'nothing', 'rmsprop'],
  [{ type: 'adamm', learningRate: 1 }, '.type', '"adamm"', 'did you mean "adam"'],
  [{ type: 'toString' }, '.type', '"toString"'],
  [{ type: Symbol('adam') }, '.type', 'a symbol'],
  [{ ...adam(), learningRate: NaN }, '.learningRate', 'NaN'],
  [{ ...adam(), learningRate: '1e-3' }, '.learningRate', '1e-3'],
  [{ ...adam(), learningRate: { type: 'step', value: NaN, factor: 1, every: 1 } }, '.learningRate.value', 'NaN'],
  [{ ...adam(), beta1: 1 }, '.beta1', 'below 1', '1'],
  [{ ...adamw(), weightDecay: -1 }, '.weightDecay', '-1'],
  [{ ...adam(), epsilon: Symbol('small') }, '.epsilon', 'a symbol'],
  [{ ...rmsprop(), rho: Infinity }, '.rho', 'Infinity'],
  [{ ...sgd(), clipNorm: {} }, '.clipNorm', 'an object'],
  [{ ...sgd(), beta1: 0.9 }, '.beta1', 'sgd has no "beta1"', 'momentum'],
  [{ ...sgd(), toString: 1 }, '.toString', 'sgd has no "toString"'],
]

gpuTest(test, 'are refused by train and step, which change nothing', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae: Vae = await engine.createVae(TINY, { seed: 1 })
    await vae.train(data, { steps: 2, batchSize, optimizer: sgd() }).done
    const before = await vae.parameters()
    for (const [given, path, ...parts] of wrong) {
      const optimizer = given as Optimizer
      const train = () => vae.train(data, { steps: 1, batchSize, optimizer })
      await expectError(train, SpecError, 'spec', `train.optimizer${path}: `, ...parts)
      await expectError(() => vae.step({ images }, optimizer), SpecError, 'spec', `step.optimizer${path}: `, ...parts)
    }
    const none = undefined as never
    await expectError(() => vae.step({ images }, none), SpecError, 'spec', 'step.optimizer: ', 'nothing')
    expectSameParameters(await vae.parameters(), before)
    assert.is((await vae.train(data, { steps: 1, batchSize }).done).step, 3)
  }))

gpuTest(test, 'are refused where they are made', async () => {
  for (const make of [adam, adamw, rmsprop, sgd]) {
    for (const given of [null, 1e-3, 'fast'] as never[]) {
      await expectError(() => make(given), SpecError, 'spec', 'optimizer: needs options')
    }
    await expectError(() => make({ type: 'adam' } as never), SpecError, 'spec', 'optimizer.type')
    await expectError(() => make({ constructor: 1 } as never), SpecError, 'spec', 'optimizer.constructor')
  }
})

gpuTest(test, 'may be changed by the caller afterwards: what was given counts', ({ device }) =>
  withEngine(device, async (engine) => {
    const trained = async (change: boolean) => {
      const vae = await engine.createVae(TINY, { seed: 1 })
      const optimizer = { ...adam() }
      const run = vae.train(data, { steps: 30, batchSize, optimizer })
      if (change) optimizer.learningRate = NaN
      await run.done
      return vae.parameters()
    }
    expectSameParameters(await trained(true), await trained(false))
  }))

test.run()

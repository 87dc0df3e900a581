import * as assert from 'uvu/assert'
import { runBatch } from '../../src/train/step.js'
import { NO_UPDATE, updateFactors } from '../../src/ops/update.js'
import { codesByFormula, loadPriorFixtures } from '../fixtures.js'
import type { Tensor } from '../../src/tensor.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { expectRelative } from '../support/engine.js'
import { withLimits } from '../support/gpu-faults.js'
import { codedBatch, logitsOf, withPrior } from '../support/prior.js'
import { difference, expectGradients, LOSS } from '../support/pytorch.js'

// The network of a prior over codes held against PyTorch: loss, gradients, steps; and what it may not see.

const test = suite('PixelCNN')

/** What three steps may miss of a parameter's change, by norm. */
const CHANGE = 2e-4

/** The fixtures whose logits are looked at code by code. */
const LOOKED_INTO = ['odd sizes, with labels', 'whole vectors', 'one layer']

const SETTINGS = { klWeight: 1, seed: 0, counter: 0 }

for (const [name, fixture] of Object.entries(await loadPriorFixtures())) {
  const { batch, seed, optimizer, parameters, losses, gradients, changes } = fixture

  gpuTest(test, `${name}: loss, gradients, three steps of Adam`, ({ device }) =>
    withPrior(device, fixture, parameters, async (runtime) => {
      const settings = { ...SETTINGS, ...NO_UPDATE }
      const result = await runBatch(runtime, codedBatch(fixture, seed), 'gradients', settings)
      const error = Math.abs(result.loss.total / losses[0] - 1)
      assert.ok(error <= LOSS, `a loss of ${result.loss.total}, PyTorch ${losses[0]}`)
      const named = runtime.named(result.gradients)
      expectGradients(named, gradients)
      for (const [key, { shape }] of Object.entries(gradients)) assert.equal(named[key].shape, shape, key)
      for (const [step, expected] of losses.entries()) {
        const settings = { ...SETTINGS, ...updateFactors(optimizer, step + 1) }
        const { loss } = await runBatch(runtime, codedBatch(fixture, seed + step), { update: optimizer }, settings)
        assert.ok(Math.abs(loss.total / expected - 1) <= 2e-5, `step ${step}: ${loss.total}, PyTorch ${expected}`)
      }
      expectRelative(difference(await runtime.read('parameters'), parameters), changes, CHANGE, 'change')
    }),
  )

  if (!LOOKED_INTO.includes(name)) continue

  gpuTest(test, `${name}: a code changes the logits of no position up to its own`, ({ device }) =>
    withPrior(device, fixture, parameters, async (runtime) => {
      const { codes, labels } = codesByFormula(fixture, seed)
      const { positions: P, codes: K, input: { w: width } } = runtime.model
      const before = await logitsOf(runtime, codes, labels)
      for (let p = 0; p < P; p++) {
        const changed = codes.map((code, i) => (i % P === p ? (code + 1) % K : code))
        const after = await logitsOf(runtime, changed, labels)
        for (let n = 0; n < batch; n++) {
          const seen = new Set<number>()
          for (let i = 0; i < P * K; i++) {
            if (after[n * P * K + i] !== before[n * P * K + i]) seen.add(Math.floor(i / K))
          }
          const wrong = [...seen].filter((place) => place <= p)
          assert.equal(wrong, [], `image ${n}: code ${p} changes the logits of these positions`)
          const isSeen = p % width === width - 1 || seen.has(p + 1)
          assert.ok(isSeen, `image ${n}: code ${p} is not seen by the next of its row`)
        }
      }
    }),
  )
}

gpuTest(test, 'a batch in slices has the loss and gradients of the whole', async ({ device }) => {
  const fixture = { ...(await loadPriorFixtures())['odd sizes, with labels'], batch: 125 }
  const rows = codedBatch(fixture, fixture.seed)
  const settings = { ...SETTINGS, ...NO_UPDATE }
  const run = async (isWhole: boolean) => {
    const results: { total: number; gradients: Record<string, Tensor> }[] = []
    await withPrior(device, fixture, fixture.parameters, async (runtime) => {
      const { loss, gradients } = await runBatch(runtime, rows, 'gradients', settings)
      const request = { batch: 125, input: { type: 'images' }, noise: 'drawn', output: 'gradients' } as const
      await runtime.with(request, async ({ batch }) => assert.is(batch === 125, isWhole))
      results.push({ total: loss.total, gradients: runtime.named(gradients) })
    })
    return results[0]
  }
  const whole = await run(true)
  const most = 72 * 1024 // a row of losses has 1 kB
  const sliced = await withLimits(device, { maxStorageBufferBindingSize: most }, () => run(false))
  assert.ok(Math.abs(sliced.total / whole.total - 1) < 1e-6, `${sliced.total}, ${whole.total}`)
  expectRelative(sliced.gradients, whole.gradients, 1e-5, 'gradient')
})

test.run()

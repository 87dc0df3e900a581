import * as assert from 'uvu/assert'
import { adam, DataError, dataset, split, type Dataset, type VaeSpec } from '../../src/index.js'
import { loadRealValuedTraining } from '../fixtures.js'
import { expectError } from '../support/errors.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { normalArray, formulaParameters, seedOf } from '../reference/formula.js'
import { parameterShapes } from '../reference/shapes.js'
import { modelWith, TINY, withEngine } from '../support/engine.js'

const test = suite('real-valued data')

const DRAWS = 64

/** fixture_real_valued.py's table: what a few factors explain but for some noise. */
function table(count: number, width: number, factors: number, seed: number): Float32Array {
  const named = (name: string, length: number) => normalArray(length, seedOf(name, seed))
  const [f, loadings] = [named('factors', count * factors), named('loadings', factors * width)]
  const rest = named('rest', count * width)
  return Float32Array.from(rest, (noise, i) => {
    const [n, column] = [Math.floor(i / width), i % width]
    let sum = 2 + 0.3 * noise
    for (let k = 0; k < factors; k++) sum += f[n * factors + k] * loadings[k * width + column]
    return sum
  })
}

gpuTest(test, "a table of measurements trains to within 1 % of PyTorch's bound after the same steps", ({ device }) =>
  withEngine(device, async (engine) => {
    const { spec, count, factors, batch, steps, learningRate, seed, losses } = await loadRealValuedTraining()
    const width = spec.input[2]
    const data = dataset({ values: table(count, width, factors, seed), shape: spec.input })
    const vae = await modelWith(engine, spec, formulaParameters(parameterShapes(spec), seed))
    const optimizer = adam({ learningRate: { type: 'cosine', value: learningRate, steps } })
    await vae.train(data, { steps, batchSize: batch, optimizer, reportEvery: steps }).done
    let total = 0 // one draw of z per row strays by 0.2 nats
    for (let draw = 0; draw < DRAWS; draw++) total += (await vae.evaluate(data, { seed: draw })).total / DRAWS
    const torch = losses.reduce((sum, loss) => sum + loss, 0) / losses.length
    assert.ok(total <= 1.01 * torch, `${total} nats, PyTorch ${losses.join(', ')}`)
    const { data: rows } = await vae.reconstruct(data.images as Float32Array)
    assert.ok(rows.some((value) => value < 0) && rows.some((value) => value > 1), 'means are any number')
  }),
)

gpuTest(test, 'floats and bytes of the same images train alike', ({ device }) =>
  withEngine(device, async (engine) => {
    const bytes = Uint8Array.from({ length: 24 * 12 }, (_, i) => (i * 37) % 256)
    const shape = TINY.input
    const sets: Dataset[] = [
      dataset({ images: bytes, shape }),
      dataset({ values: Float32Array.from(bytes, (byte) => byte / 255), shape }),
    ]
    const losses: number[][] = []
    for (const set of sets) {
      const vae = await engine.createVae(TINY, { seed: 3 })
      const [train, rest] = split(set, 0.75)
      const last = await vae.train(train, { epochs: 2, batchSize: 7 }).done
      losses.push([last.loss.total, (await vae.evaluate(rest)).total, (await vae.activeUnits(set)).variance[0]])
    }
    losses[0].forEach((loss, i) => assert.ok(Math.abs(loss - losses[1][i]) <= 2e-6 * Math.abs(loss), String(losses)))
  }),
)

gpuTest(test, 'values outside [0, 1] need a Gaussian likelihood', ({ device }) =>
  withEngine(device, async (engine) => {
    const values = new Float32Array(24).fill(0.5)
    values[13] = -2
    const data = dataset({ values, shape: TINY.input })
    const vae = await engine.createVae(TINY)
    const said = ['values has -2 at image 1, row 0, column 1, channel 0', 'Gaussian likelihood']
    await expectError(async () => vae.train(data, { steps: 1, batchSize: 1 }), DataError, 'data', 'train', ...said)
    await expectError(() => vae.evaluate(data), DataError, 'data', 'evaluate', ...said)
    const real: VaeSpec = { ...TINY, likelihood: { type: 'gaussian', variance: 1 } }
    await (await engine.createVae(real)).train(data, { steps: 1, batchSize: 1 }).done
  }),
)

test.run()

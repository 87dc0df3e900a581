import * as assert from 'uvu/assert'
import { adam, glyphs, type Vae, type VaeSpec } from '../../src/index.js'
import { formulaBatch, formulaModel, loadQuantizedTraining } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { bytesToFloats } from '../reference/formula.js'
import { modelWith, withEngine } from '../support/engine.js'

const learning = suite('a codebook')

for (const name of ['gradient', 'moving average'] as const) {
  gpuTest(learning, `by ${name} leaves as little error as PyTorch’s, and uses its codes`, ({ device }) =>
    withEngine(device, async (engine) => {
      const { spec, batch, steps, seed, optimizer, ...expected } = (await loadQuantizedTraining())[name]
      const { images } = formulaBatch(spec, 64, seed)
      const vae = await modelWith(engine, spec, formulaModel(spec, seed))
      const before = await squaredError(vae, images.data)
      for (let step = 0; step < steps; step++) await vae.step(formulaBatch(spec, batch, seed + step), optimizer)
      const error = await squaredError(vae, images.data)
      const bound = 1.03 * expected.meanSquaredError
      assert.ok(error <= bound, `error ${error}, at most ${bound}, before ${before}`)
      const perplexity = await perplexityOf(vae, images.data)
      assert.ok(perplexity > 0.1 * 32, `perplexity ${perplexity} of 32 codes, PyTorch's ${expected.perplexity}`)
    }))
}

const codes: VaeSpec = {
  input: [28, 28, 1],
  encoder: [{ type: 'conv', filters: 8, kernel: 4, stride: 4, padding: 0, activation: 'relu' }],
  latent: { type: 'vector-quantized', codes: 32, size: 4 },
  decoder: [{ type: 'conv-transpose', filters: 1, kernel: 4, stride: 4, padding: 0 }],
  likelihood: { type: 'bernoulli' },
}

for (const [update, revives] of [['moving-average', true], ['gradient', false]] as const) {
  gpuTest(learning, `by ${update} with dead codes ${revives ? 'takes them into use' : 'leaves them dead'}`, ({ device }) =>
    withEngine(device, async (engine) => {
      const digits = glyphs({ count: 60, seed: 1 })
      const pixels = bytesToFloats(digits.images)
      const latent = { ...codes.latent, codebookUpdate: update } as VaeSpec['latent']
      const vae = await engine.createVae({ ...codes, latent }, { seed: 1 })
      const name = 'latent.codebook.weight'
      const codebook = (await vae.parameters())[name]
      await vae.setParameters({ [name]: { ...codebook, data: codebook.data.fill(100, 4 * 4) } }) // four are left
      const before = (await usedCodes(vae, pixels)).size
      assert.ok(before <= 4, `${before} codes are used`)
      const { codesUsed } = await vae.train(digits, { steps: 60, batchSize: 30, optimizer: adam() }).done
      const after = (await usedCodes(vae, pixels)).size
      if (revives) assert.ok(after >= 8 && codesUsed! >= 8, `${after} codes are used, ${codesUsed} in the last epoch`)
      else assert.ok(after <= 4 && codesUsed! <= 4, `${after} codes are used, ${codesUsed} in the last epoch`)
    }))
}

async function squaredError(vae: Vae, images: Float32Array): Promise<number> {
  const { data } = await vae.reconstruct(images)
  return data.reduce((sum, value, i) => sum + (value - images[i]) ** 2, 0) / images.length
}

/** How often each code that images choose is chosen. */
async function usedCodes(vae: Vae, images: Float32Array): Promise<Map<number, number>> {
  const times = new Map<number, number>()
  for (const code of (await vae.encode(images)).codes!.data) times.set(code, (times.get(code) ?? 0) + 1)
  return times
}

async function perplexityOf(vae: Vae, images: Float32Array): Promise<number> {
  const times = [...(await usedCodes(vae, images)).values()]
  const total = times.reduce((sum, each) => sum + each, 0)
  return Math.exp(times.reduce((sum, each) => sum - (each / total) * Math.log(each / total), 0))
}

learning.run()

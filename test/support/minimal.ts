import * as assert from 'uvu/assert'
import { dataset, presets, recipes, type VaeSpec } from '../../src/index.js'
import { blobBytes } from '../reference/formula.js'
import { expectSameParameters, withEngine } from './engine.js'

/** WebGPU's default limits of what the engine uses. */
const LIMITS = {
  maxBindGroups: 4,
  maxDynamicUniformBuffersPerPipelineLayout: 8,
  maxStorageBuffersPerShaderStage: 8,
  maxUniformBufferBindingSize: 65536,
  maxStorageBufferBindingSize: 2 ** 27,
  minUniformBufferOffsetAlignment: 256,
  minStorageBufferOffsetAlignment: 256,
  maxBufferSize: 2 ** 28,
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupSizeY: 256,
  maxComputeWorkgroupSizeZ: 64,
  maxComputeWorkgroupsPerDimension: 65535,
} satisfies Partial<Record<keyof GPUSupportedLimits, number>>

/** Fails unless the device has no optional feature and the default limits. */
export function expectMinimal({ features, limits }: GPUDevice): void {
  // Chrome says of every device that it is no compatibility-mode one.
  assert.equal([...features].filter((feature) => feature !== 'core-features-and-limits'), [])
  for (const [name, value] of Object.entries(LIMITS)) assert.is(limits[name as keyof typeof LIMITS], value, name)
}

/** Two steps, of a prior over codes too where there are codes, evaluation, sampling, saving and loading of a preset. */
export function runPreset(device: GPUDevice, name: keyof typeof presets): Promise<void> {
  return withEngine(device, async (engine) => {
    const [count, batchSize] = [5, 3]
    const spec: VaeSpec = presets[name]
    const labels = spec.classes ? Array.from({ length: count }, (_, n) => n) : undefined
    const data = dataset({ images: blobBytes(count, spec.input, 1), shape: [...spec.input], labels })
    const vae = await engine.createVae(spec, { seed: 1 })
    const last = await vae.train(data, { steps: 2, batchSize, optimizer: recipes[name].optimizer }).done
    assert.ok(last.step === 2 && Number.isFinite(last.loss.total))
    assert.ok(Number.isFinite((await vae.evaluate(data, { batchSize })).total))
    if (spec.latent.type === 'vector-quantized') {
      const prior = await vae.trainPrior(data, { steps: 2, batchSize, network: { layers: 2, channels: 8 } }).done
      assert.ok(prior.step === 2 && Number.isFinite(prior.loss.total))
    }
    assert.equal((await vae.sample(count, { labels })).shape, [count, ...spec.input])
    const loaded = await engine.load(await vae.save())
    expectSameParameters(await loaded.parameters(), await vae.parameters())
  })
}

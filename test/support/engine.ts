import { createEngine, type Engine, type Loss, type Tensor, type Vae, type VaeSpec } from '../../src/index.js'
import { relativeError } from '../reference/compare.js'
import { expectSameBits } from './bounds.js'

/** Runs the body with an engine on the test's device, and frees it. */
export async function withEngine(device: GPUDevice, body: (engine: Engine) => Promise<void>): Promise<void> {
  const engine = await createEngine({ device })
  try {
    await body(engine)
  } finally {
    engine.destroy()
  }
}

/** A small model of drawn digits that learns within a second on a processor. */
export const SMALL: VaeSpec = {
  input: [28, 28, 1],
  encoder: [{ type: 'dense', units: 24, activation: 'relu' }],
  latent: { type: 'gaussian', size: 2 },
  decoder: [
    { type: 'dense', units: 24, activation: 'relu' },
    { type: 'dense', units: 784 },
  ],
  likelihood: { type: 'bernoulli' },
}

/** As small as a model gets that still has every kind of dense part; images are 4 × 3. */
export const TINY: VaeSpec = {
  input: [4, 3, 1],
  encoder: [{ type: 'dense', units: 5, activation: 'tanh' }],
  latent: { type: 'gaussian', size: 2 },
  decoder: [
    { type: 'dense', units: 6, activation: 'leaky-relu' },
    { type: 'dense', units: 12 },
  ],
  likelihood: { type: 'bernoulli' },
}

/** Fails unless two models hold the same bits. */
export function expectSameParameters(actual: Record<string, Tensor>, expected: Record<string, Tensor>): void {
  const [names, wanted] = [actual, expected].map((record) => Object.keys(record).join(', '))
  if (names !== wanted) throw new Error(`parameters ${names}, expected ${wanted}`)
  for (const [name, tensor] of Object.entries(expected)) expectSameBits(actual[name].data, tensor.data, name)
}

/** Fails unless some parameter differs. */
export function expectOtherParameters(actual: Record<string, Tensor>, other: Record<string, Tensor>): void {
  const tensors = Object.entries(other)
  const differs = tensors.some(([name, { data }]) => data.some((value, i) => value !== actual[name].data[i]))
  if (!differs) throw new Error('every parameter is the same')
}

/** Fails unless every tensor is within a relative error, by norm, of what is expected. */
export function expectRelative(
  actual: Record<string, { data: ArrayLike<number> }>,
  expected: Record<string, { data: ArrayLike<number> }>,
  bound: number,
  what: string,
): void {
  const [names, wanted] = [actual, expected].map((record) => Object.keys(record).sort().join(', '))
  if (names !== wanted) throw new Error(`${what}: there are ${names}, expected ${wanted}`)
  for (const [name, { data }] of Object.entries(expected)) {
    const error = relativeError(actual[name].data, data)
    if (!(error <= bound)) throw new Error(`${what} of ${name} is off by ${error} of its norm, bound ${bound}`)
  }
}

/** Fails unless every part of a loss is within a relative bound of the expected total. */
export function expectLoss(actual: Loss, expected: Loss, bound: number, what: string): void {
  for (const part of Object.keys(expected) as (keyof Loss)[]) {
    const error = Math.abs((actual[part] ?? 0) - (expected[part] ?? 0)) / Math.abs(expected.total)
    if (!(error <= bound)) {
      throw new Error(`${what}: ${part} is ${actual[part]}, expected ${expected[part]}: off by ${error} of the total, bound ${bound}`)
    }
  }
}

/** A model with given parameters. */
export async function modelWith(engine: Engine, spec: VaeSpec, parameters: Record<string, Tensor>): Promise<Vae> {
  const vae = await engine.createVae(spec)
  await vae.setParameters(parameters)
  return vae
}

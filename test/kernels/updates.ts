import * as assert from 'uvu/assert'
import type { Dispatch, PlanTensor } from '../../src/ops/dispatch.js'
import { gradientNorm, NORM_PARTIALS, optimizerUpdate, updateFactors, type Optimizer } from '../../src/ops/update.js'
import { adam, adamw, rmsprop, sgd } from '../../src/train/optimizers.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { norm } from '../reference/compare.js'
import { uniformArray } from '../reference/formula.js'
import { adamUpdate, rmspropUpdate, sgdUpdate } from '../reference/optimizers.js'
import { expectSameBits, expectWithin, sumBounds, ULP } from '../support/bounds.js'
import { bitsOf, runKernels } from '../support/run-kernel.js'

/** 16 · 11 vectors: two and three quarters of a workgroup. */
const N = 64 * 11
const STEPS = 3

const suites: { optimizer: Optimizer; what: string }[] = [
  { optimizer: adam(), what: 'with its defaults' },
  { optimizer: adam({ learningRate: 0.03, beta1: 0.5, beta2: 0.9, epsilon: 1e-2 }), what: 'with other settings' },
  { optimizer: adamw({ learningRate: 0.02, weightDecay: 0.1 }), what: 'with decoupled weight decay' },
  { optimizer: adam({ clipNorm: 0.5 }), what: 'with clipped gradients' },
  { optimizer: rmsprop(), what: 'without momentum' },
  { optimizer: rmsprop({ clipNorm: 2, momentum: 0.5 }), what: 'with clipped gradients and momentum' },
  { optimizer: rmsprop({ learningRate: 0.02, rho: 0.8, epsilon: 1e-3, momentum: 0.9 }), what: 'with momentum' },
  { optimizer: sgd({ learningRate: 0.1 }), what: 'without momentum' },
  { optimizer: sgd({ learningRate: 0.1, clipNorm: 0.5 }), what: 'with clipped gradients' },
  { optimizer: sgd({ learningRate: 0.1, clipNorm: 1e3 }), what: 'with a bound that no gradient reaches' },
  { optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }), what: 'with momentum' },
]

type State = Record<'parameters' | 'm' | 'v', Float32Array>

/** Gradients from 1e-6 to 1, some of them 0. */
function gradientsOf(step: number): Float32Array {
  return uniformArray(N, 10 + step).map((value, i) => (i % 7 === 0 ? 0 : value * 10 ** -(i % 7)))
}

function initialState(): State {
  return { parameters: uniformArray(N, 1), m: new Float32Array(N), v: new Float32Array(N) }
}

/** Gradients scaled down to the norm that the optimiser allows, as PyTorch's clip_grad_norm_ does. */
function clipped({ clipNorm }: Optimizer, gradients: Float32Array): Float64Array {
  const factor = clipNorm ? Math.min(1, clipNorm / (norm(gradients) + 1e-6)) : 1
  return Float64Array.from(gradients, (value) => factor * value)
}

function referenceUpdate(
  optimizer: Optimizer,
  state: Record<'p' | 'm' | 'v', Float64Array>,
  given: Float32Array,
  step: number,
): void {
  const learningRate = optimizer.learningRate as number
  const gradients = clipped(optimizer, given)
  if (optimizer.type === 'adamw') {
    for (let i = 0; i < N; i++) state.p[i] *= 1 - learningRate * optimizer.weightDecay
  }
  if (optimizer.type === 'adam' || optimizer.type === 'adamw') {
    adamUpdate(state, gradients, step, { ...optimizer, learningRate })
  }
  if (optimizer.type === 'rmsprop') rmspropUpdate(state, gradients, { ...optimizer, learningRate })
  if (optimizer.type === 'sgd') sgdUpdate(state, gradients, { ...optimizer, learningRate })
}

async function update(
  device: GPUDevice,
  optimizer: Optimizer,
  { parameters, m, v }: State,
  gradients: Float32Array,
  step: number,
  status = 0,
  change: (dispatch: Dispatch) => Dispatch = (dispatch) => dispatch,
) {
  const contents = { parameters, m, v, gradients, norms: NORM_PARTIALS, status: Uint32Array.of(status) }
  const dispatches = (t: Record<keyof typeof contents, PlanTensor>) => [
    ...(optimizer.clipNorm ? [gradientNorm({ ...t, partials: t.norms })] : []),
    change(optimizerUpdate({ ...t, norms: optimizer.clipNorm ? t.norms : undefined }, optimizer)),
  ]
  return runKernels(device, contents, dispatches, updateFactors(optimizer, step))
}

for (const type of ['adam', 'rmsprop', 'sgd'] as const) {
  const test = suite(`optimizer_update by ${type}`)
  for (const { optimizer, what } of suites.filter((entry) => entry.optimizer.type.startsWith(type))) {
    gpuTest(test, `follows the reference for ${STEPS} steps on ${N} values ${what}`, async ({ device }) => {
      const start = initialState()
      const expected = { p: Float64Array.from(start.parameters), m: new Float64Array(N), v: new Float64Array(N) }
      // The same over absolute values: what the rounding errors are relative to.
      const sizes = { p: new Float64Array(N), m: new Float64Array(N), v: new Float64Array(N) }
      let state: State = start
      for (let step = 1; step <= STEPS; step++) {
        const gradients = gradientsOf(step)
        referenceUpdate(optimizer, expected, gradients, step)
        referenceUpdate(optimizer, sizes, gradients.map(Math.abs), step)
        state = await update(device, optimizer, state, gradients, step)
      }
      // A step rounds a moment at most five times and the change eight times, √ and ÷ by up to 2.5 ULP; the value once.
      const bounds = expected.p.map((value, i) => STEPS * ULP * Math.abs(value) + 16 * ULP * Math.abs(sizes.p[i]))
      expectWithin(state.parameters, expected.p, bounds, 'parameters')
      for (const moment of ['m', 'v'] as const) {
        const keeps = moment === 'v' ? type !== 'sgd' : !('momentum' in optimizer) || optimizer.momentum > 0
        if (!keeps) expectSameBits(state[moment], start[moment], moment)
        else expectWithin(state[moment], expected[moment], sizes[moment].map((size) => 16 * ULP * size + 1e-30), moment)
      }
    })
  }

  const { optimizer } = suites.findLast((entry) => entry.optimizer.type === type)!
  const unclipped = { ...optimizer, clipNorm: 0 }
  const used: State = { parameters: uniformArray(N, 1), m: uniformArray(N, 2), v: uniformArray(N, 3).map(Math.abs) }

  gpuTest(test, 'goes round where the arena is larger than the grid', async ({ device }) => {
    const whole = await update(device, optimizer, used, gradientsOf(1), 4)
    const small = (dispatch: Dispatch): Dispatch => ({ ...dispatch, grid: [64, 1, 1] })
    const rounds = await update(device, optimizer, used, gradientsOf(1), 4, 0, small)
    for (const arena of ['parameters', 'm', 'v'] as const) expectSameBits(rounds[arena], whole[arena], arena)
  })

  gpuTest(test, 'updates the part of the arenas that begins at an offset, and nothing beside it', async ({ device }) => {
    const gradients = gradientsOf(1)
    const [first, count] = [64 * 3, 64 * 5]
    const part = (tensor: PlanTensor) => ({ ...tensor, offset: tensor.offset + first, elements: count })
    const dispatches = (t: Record<keyof State | 'gradients' | 'status', PlanTensor>) => {
      const [parameters, m, v] = [part(t.parameters), part(t.m), part(t.v)]
      return optimizerUpdate({ gradients: part(t.gradients), parameters, m, v, status: t.status }, unclipped)
    }
    const contents = { ...used, gradients, status: new Uint32Array(1) }
    const after = await runKernels(device, contents, dispatches, updateFactors(unclipped, 4))
    const whole = await update(device, unclipped, used, gradients, 4)
    for (const arena of ['parameters', 'm', 'v'] as const) {
      const expected = used[arena].slice()
      expected.set(whole[arena].subarray(first, first + count), first)
      expectSameBits(after[arena], expected, arena)
      if (arena === 'parameters') assert.ok(expected.some((value, i) => value !== used.parameters[i]))
    }
  })

  gpuTest(test, 'changes nothing once status is set', async ({ device }) => {
    const after = await update(device, optimizer, used, gradientsOf(1), 4, 1)
    for (const arena of ['parameters', 'm', 'v'] as const) expectSameBits(after[arena], used[arena], arena)
  })

  test.run()
}

const gradientNorms = suite('gradient_norm')

for (const elements of [64, N, 64 * 301]) {
  gpuTest(gradientNorms, `sums the squares of ${elements} values in ${NORM_PARTIALS} shares`, async ({ device }) => {
    const gradients = uniformArray(elements, 1)
    const contents = { gradients, partials: NORM_PARTIALS, status: new Uint32Array(1) }
    const { partials, status } = await runKernels(device, contents, gradientNorm)
    const share = 4 * Math.ceil(elements / 4 / NORM_PARTIALS)
    const expected = Float64Array.from({ length: NORM_PARTIALS }, (_, k) => {
      return norm(gradients.subarray(k * share, (k + 1) * share)) ** 2
    })
    expectWithin(partials, expected, sumBounds(share, expected), 'partials')
    assert.is(bitsOf(status)[0], 0)
  })
}

for (const value of [NaN, Infinity, -Infinity, 1e20]) {
  gpuTest(gradientNorms, `tells the slot of a gradient of ${value}, and the first slot stays`, async ({ device }) => {
    const gradients = uniformArray(N, 1)
    gradients[N - 30] = value // its square is not finite
    const run = async (slot: number, before: number) => {
      const contents = { gradients, partials: NORM_PARTIALS, status: Uint32Array.of(before) }
      return bitsOf((await runKernels(device, contents, gradientNorm, { slot })).status)[0]
    }
    assert.is(await run(0, 0), 256)
    assert.is(await run(7, 0), 249)
    assert.is(await run(9, 249), 249)
  })
}

gradientNorms.run()

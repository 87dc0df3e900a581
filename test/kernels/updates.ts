import type { Dispatch } from '../../src/ops/dispatch.js'
import { optimizerUpdate, updateFactors, type Optimizer } from '../../src/ops/update.js'
import { adam, rmsprop, sgd } from '../../src/train/optimizers.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { uniformArray } from '../reference/formula.js'
import { adamUpdate, rmspropUpdate, sgdUpdate } from '../reference/optimizers.js'
import { expectSameBits, expectWithin, ULP } from '../support/bounds.js'
import { runKernels } from '../support/run-kernel.js'

/** 16 · 11 vectors: two and three quarters of a workgroup. */
const N = 64 * 11
const STEPS = 3

const suites: { optimizer: Optimizer; what: string }[] = [
  { optimizer: adam(), what: 'with its defaults' },
  { optimizer: adam({ learningRate: 0.03, beta1: 0.5, beta2: 0.9, epsilon: 1e-2 }), what: 'with other settings' },
  { optimizer: rmsprop(), what: 'without momentum' },
  { optimizer: rmsprop({ learningRate: 0.02, rho: 0.8, epsilon: 1e-3, momentum: 0.9 }), what: 'with momentum' },
  { optimizer: sgd({ learningRate: 0.1 }), what: 'without momentum' },
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

function referenceUpdate(
  optimizer: Optimizer,
  state: Record<'p' | 'm' | 'v', Float64Array>,
  gradients: Float32Array,
  step: number,
): void {
  const learningRate = optimizer.learningRate as number
  if (optimizer.type === 'adam') adamUpdate(state, gradients, step, { ...optimizer, learningRate })
  else if (optimizer.type === 'rmsprop') rmspropUpdate(state, gradients, { ...optimizer, learningRate })
  else if (optimizer.type === 'sgd') sgdUpdate(state, gradients, { ...optimizer, learningRate })
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
  const contents = { parameters, m, v, gradients, status: Uint32Array.of(status) }
  return runKernels(device, contents, (t) => change(optimizerUpdate(t, optimizer)), updateFactors(optimizer, step))
}

for (const type of ['adam', 'rmsprop', 'sgd'] as const) {
  const test = suite(`${type}_update`)
  for (const { optimizer, what } of suites.filter((entry) => entry.optimizer.type === type)) {
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
  const used: State = { parameters: uniformArray(N, 1), m: uniformArray(N, 2), v: uniformArray(N, 3).map(Math.abs) }

  gpuTest(test, 'goes round where the arena is larger than the grid', async ({ device }) => {
    const whole = await update(device, optimizer, used, gradientsOf(1), 4)
    const small = (dispatch: Dispatch): Dispatch => ({ ...dispatch, grid: [64, 1, 1] })
    const rounds = await update(device, optimizer, used, gradientsOf(1), 4, 0, small)
    for (const arena of ['parameters', 'm', 'v'] as const) expectSameBits(rounds[arena], whole[arena], arena)
  })

  gpuTest(test, 'changes nothing once status is set', async ({ device }) => {
    const after = await update(device, optimizer, used, gradientsOf(1), 4, 1)
    for (const arena of ['parameters', 'm', 'v'] as const) expectSameBits(after[arena], used[arena], arena)
  })

  test.run()
}

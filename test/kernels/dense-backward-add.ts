import { denseBackward, denseBackwardInput, denseBackwardWeight } from '../../src/ops/dense.js'
import type { Activation } from '../../src/ops/activation.js'
import { awkward, checkBackward, large, testTilings, type Case } from '../support/dense.js'

// Gradients that are added to others: of an input that several layers read, of a layer that is used several times.

const kernels = ['dense_backward', 'dense_backward_narrow', 'dense_backward_wide', 'dense_backward_shared',
  'dense_backward_split',
]
/** One activation for each kind of addition: every other compiles all tilings again. */
const having = (activation: Activation, cases: Case[]) => cases.map((shape) => ({ ...shape, activation }))
const few = [...awkward.slice(16, 18), ...large.slice(3, 6)]

testTilings(
  kernels,
  having('tanh', [...awkward.slice(18), ...large]),
  (t, shape, activation) => denseBackward(t, shape, activation, { accumulate: true, add: true }),
  checkBackward,
  { what: ' with add and accumulate' },
)
testTilings(
  kernels,
  having('leaky-relu', few),
  (t, shape, activation) => denseBackward(t, shape, activation, { accumulate: true }),
  checkBackward,
  { what: ' with accumulate', least: 2 },
)
testTilings(
  kernels,
  having('leaky-relu', few),
  (t, shape, activation) => {
    const dispatch = denseBackwardInput(t, shape, activation, { add: true })
    return { ...dispatch, bindings: { ...dispatch.bindings, dw: t.dw, db: t.db } }
  },
  checkBackward,
  { what: ' of the input alone, with add', least: 2 },
)
testTilings(
  kernels,
  having('linear', [...few, ...large.slice(6, 8)]),
  (t, shape) => {
    const dispatch = denseBackwardWeight(t, shape, { accumulate: true })
    return { ...dispatch, bindings: { ...dispatch.bindings, dx: t.dx } }
  },
  checkBackward,
  { what: ' of the parameters alone, with accumulate', least: 2 },
)

import { denseBackward, denseBackwardInput, denseBackwardWeight } from '../../src/ops/dense.js'
import { awkward, checkBackward, large, testTilings, turned } from '../support/dense.js'

// Both gradients, then each alone: in one file, for the pipelines are the same.

const kernels = ['dense_backward', 'dense_backward_narrow', 'dense_backward_wide', 'dense_backward_shared',
  'dense_backward_split',
]

testTilings(kernels, [...awkward, ...large], denseBackward, checkBackward)

testTilings(
  kernels,
  [...awkward.slice(0, 12), ...large],
  (t, shape, activation) => {
    const dispatch = denseBackwardInput(t, shape, activation)
    // instead of scratch: they must stay untouched
    return { ...dispatch, bindings: { ...dispatch.bindings, dw: t.dw, db: t.db } }
  },
  checkBackward,
  { what: ' of the input alone' },
)

testTilings(
  kernels,
  [...awkward.slice(0, 12), ...large.slice(5), ...turned.slice(5)],
  (t, shape) => {
    const dispatch = denseBackwardWeight(t, shape)
    return { ...dispatch, bindings: { ...dispatch.bindings, dx: t.dx } } // instead of scratch: it must stay untouched
  },
  checkBackward,
  { what: ' of the parameters alone' },
)

import { denseBackwardInput } from '../../src/ops/dense.js'
import { awkward, checkBackward, large, testTilings } from '../support/dense.js'

const kernels = ['dense_backward', 'dense_backward_narrow', 'dense_backward_wide', 'dense_backward_shared',
  'dense_backward_split',
]
const cases = [...awkward.slice(0, 12), ...large]

testTilings(
  kernels,
  cases,
  (t, shape, activation) => {
    const dispatch = denseBackwardInput(t, shape, activation)
    // instead of scratch: they must stay untouched
    return { ...dispatch, bindings: { ...dispatch.bindings, dw: t.dw, db: t.db } }
  },
  checkBackward,
)

import { denseBackwardWeight } from '../../src/ops/dense.js'
import { awkward, checkBackward, large, testTilings, turned } from '../support/dense.js'

const kernels = ['dense_backward', 'dense_backward_narrow', 'dense_backward_wide', 'dense_backward_shared',
  'dense_backward_split',
]
const cases = [...awkward.slice(0, 12), ...large.slice(5), ...turned.slice(5)]

testTilings(
  kernels,
  cases,
  (t, shape) => {
    const dispatch = denseBackwardWeight(t, shape)
    return { ...dispatch, bindings: { ...dispatch.bindings, dx: t.dx } } // instead of scratch: it must stay untouched
  },
  checkBackward,
)

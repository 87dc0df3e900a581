import { denseBackward } from '../../src/ops/dense.js'
import { awkward, checkBackward, large, testTilings } from '../support/dense.js'

const kernels = ['dense_backward', 'dense_backward_narrow', 'dense_backward_wide', 'dense_backward_shared',
  'dense_backward_split',
]

testTilings(kernels, [...awkward, ...large], denseBackward, checkBackward)

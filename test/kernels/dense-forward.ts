import { denseForward } from '../../src/ops/dense.js'
import { awkward, checkForward, testTilings, turned } from '../support/dense.js'

const kernels = ['dense_forward', 'dense_forward_narrow', 'dense_forward_wide', 'dense_forward_shared',
  'dense_forward_split',
]

testTilings(kernels, [...awkward, ...turned], denseForward, checkForward)

import { denseBackwardWeight } from '../../src/ops/dense.js'
import { awkward, checkBackward, large, testTilings, turned } from '../support/dense.js'

const kernels = ['dense_backward_weight', 'dense_backward_weight_wide', 'dense_backward_weight_shared']
const cases = [...awkward.slice(0, 12), ...large.slice(5), ...turned.slice(5)]

testTilings(kernels, cases, denseBackwardWeight, checkBackward)

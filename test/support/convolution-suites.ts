import * as assert from 'uvu/assert'
import { FUSED_ACTIVATIONS } from '../../src/ops/activation.js'
import type { Padding } from '../../src/model/spec.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import {
  backwardDispatch, checkBackwardInput, checkBackwardWeight, checkForward, forwardDispatch, type Case,
} from './convolution.js'

const kernels = [
  'conv_forward', 'conv_forward_narrow', 'conv_forward_scalar',
  'conv_backward_input', 'conv_backward_input_narrow', 'conv_backward_input_scalar',
  'conv_backward_weight', 'conv_backward_weight_scalar', 'conv_reduce',
]

type Shape = [B: number, H: number, W: number, Ci: number, Co: number, Kh: number, Kw: number, S: number, Padding]

const shapes: Shape[] = [
  [1, 5, 7, 1, 8, 3, 3, 1, 'same'],
  [3, 4, 6, 8, 1, 3, 3, 1, 'same'],
  [13, 7, 5, 4, 12, 3, 3, 2, 'same'],
  [9, 6, 9, 20, 36, 3, 2, 1, 1],
  [2, 3, 5, 16, 24, 1, 1, 1, 0],
  [3, 9, 5, 3, 5, 4, 4, 2, 1],
  [2, 5, 8, 8, 20, 2, 3, 3, 0],
  [1, 1, 1, 1, 1, 1, 1, 1, 'same'],
  [8, 6, 6, 12, 3, 4, 4, 2, 1],
  [2, 10, 3, 5, 4, 5, 5, 1, 'same'],
  [4, 3, 17, 2, 40, 2, 2, 1, 'same'],
  [2, 4, 3, 28, 2, 3, 5, 2, 2],
  [1, 2, 2, 256, 256, 4, 4, 4, 'same'],
]
/** Checks the shapes as convolutions or as transposed ones, a suite a kernel; each kernel must come up. */
export function testConvolutions(transposed: boolean): void {
  const suites = Object.fromEntries(kernels.map((kernel) => [kernel, suite(kernel)]))
  const tested = new Set<string>()
  for (const shape of casesOf(transposed)) {
    const { B, H, W, Ci, Co, Kh, Kw, S, padding, activation, skip } = shape
    const kind = transposed ? 'transposed ' : ''
    const what = `${kind}B=${B} H=${H} W=${W} Ci=${Ci} Co=${Co} Kh=${Kh} Kw=${Kw} S=${S} padding=${padding}`
    const title = `matches the reference at ${what}`
    const detail = `${activation}${skip ? ' with skip' : ''}`
    const { dispatch } = forwardDispatch(shape)
    const { input, weight } = backwardDispatch(shape)
    gpuTest(suites[dispatch.kernel], `${title} forward ${detail}`, ({ device }) => checkForward(device, shape))
    gpuTest(suites[input.kernel], `${title} backward ${detail}`, ({ device }) => checkBackwardInput(device, shape))
    gpuTest(suites[weight[0].kernel], title, ({ device }) => checkBackwardWeight(device, shape))
    for (const { kernel } of [dispatch, input, ...weight]) tested.add(kernel)
  }
  for (const [kernel, each] of Object.entries(suites)) {
    each('is chosen for some of the shapes here', () => assert.ok(tested.has(kernel)))
    each.run()
  }
}

function casesOf(transposed: boolean): Case[] {
  return shapes.map(([B, H, W, Ci, Co, Kh, Kw, S, padding], i) => {
    const turn = i + Number(transposed)
    const activation = FUSED_ACTIVATIONS[turn % 7]
    return { B, H, W, Ci, Co, Kh, Kw, S, padding, transposed, activation, skip: turn % 3 === 0 }
  })
}

import * as assert from 'uvu/assert'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { backwardDispatch, checkBackwardWeight, type Case } from '../support/convolution.js'

// Weight gradients that are added to those from other uses of a layer.

type Shape = Omit<Case, 'activation' | 'skip' | 'transposed'>

/** By the dispatches they take: in slices that are added up, or whole, where the tiles alone are enough. */
const shapes: { kernels: string[]; shape: Shape }[] = [
  {
    kernels: ['conv_backward_weight', 'conv_reduce'],
    shape: { B: 3, H: 5, W: 4, Ci: 12, Co: 8, Kh: 3, Kw: 2, S: 1, padding: 'same' },
  },
  {
    kernels: ['conv_backward_weight'],
    shape: { B: 1, H: 2, W: 2, Ci: 252, Co: 260, Kh: 4, Kw: 4, S: 4, padding: 'same' },
  },
  {
    kernels: ['conv_backward_weight_scalar', 'conv_reduce'],
    shape: { B: 2, H: 3, W: 5, Ci: 3, Co: 5, Kh: 2, Kw: 3, S: 2, padding: 'same' },
  },
  {
    kernels: ['conv_backward_weight_scalar'],
    shape: { B: 1, H: 8, W: 8, Ci: 9, Co: 510, Kh: 8, Kw: 8, S: 8, padding: 0 },
  },
]

for (const { kernels, shape } of shapes) {
  const test = suite(`${kernels.join(' and ')} with accumulate`)
  for (const transposed of [false, true]) {
    const { H, W, Ci, Co, S } = shape
    const ends = transposed ? { H: Math.ceil(H / S), W: Math.ceil(W / S), Ci: Co, Co: Ci } : {}
    const layer: Case = { ...shape, ...ends, transposed, activation: 'linear', skip: false }
    const kind = transposed ? 'transposed ' : ''
    const what = `${kind}B=${layer.B} H=${layer.H} W=${layer.W} Ci=${layer.Ci} Co=${layer.Co}`
    gpuTest(test, `adds to what is there at ${what}`, async ({ device }) => {
      assert.equal(backwardDispatch(layer, true).weight.map(({ kernel }) => kernel), kernels)
      await checkBackwardWeight(device, layer, true)
    })
  }
  test.run()
}

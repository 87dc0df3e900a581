import {
  classBackwardInput, classBackwardWeight, classForward, classLoss, softmaxForward,
} from '../../../src/ops/classes.js'
import { padTo4 } from '../../../src/ops/dispatch.js'
import { MOST_STEPS } from '../../../src/schedule/step.js'
import { activationForward } from '../activation.js'
import { classLosses, probabilities } from '../classes.js'
import { hash } from '../formula.js'
import {
  FUNCTION_BOUND, ringOf, rowsOf, SUM_BOUND, tensors, whole, type Expected, type Given, type KernelCase, type Size,
} from './case.js'
import { activationOf } from './values.js'

/** The losses of image n, from its tensors as they were. */
function lossesOf({ constants: { B, K, CLASSIFIER_WEIGHT }, step, before }: Given, n: number) {
  const { logits, labels, row_losses } = before
  const row = (part: number) => row_losses.subarray((part * B + n) * K, (part * B + n + 1) * K)
  const label = new Uint32Array(labels.buffer)[n]
  const stride = padTo4(K)
  const weights = { klWeight: step.klWeight, classifierWeight: CLASSIFIER_WEIGHT }
  return classLosses(logits.subarray(n * stride, n * stride + K), label, row(0), row(1), weights)
}

/** Six parts of every image's losses, its classes' weights, the gradient of its logits, and dy times the weights. */
const classLossCase: KernelCase = {
  kernel: 'class_loss',
  inPlace: ['dy'],
  inputs: ({ B, K, N }, seed, { labels, row_losses }) => ({
    logits: rowsOf('logits', seed, B, K, 3),
    labels: Uint32Array.from({ length: labels.elements }, (_, n) => (hash(n, seed) % 3 === 0 ? n % K : 255)),
    row_losses: whole('row_losses', seed, row_losses),
    dy: rowsOf('dy', seed, B * K, N),
  }),
  expected: (given) => {
    const { constants: { B, K, N, GRADIENT }, step, before, places } = given
    const [stride, strideY] = [padTo4(K), padTo4(N)]
    const images = places('losses').filter((n) => n < step.batch)
    const losses = images.flatMap((n) => lossesOf(given, n).parts.map((value, part): Expected => {
      return { output: 'losses', index: part * B + n, value, bound: FUNCTION_BOUND }
    }))
    const weightOf = (row: number) => {
      const n = Math.floor(row / K)
      return n < step.batch ? lossesOf(given, n).weights[row % K] : 0
    }
    const weights = places('weights').map((index): Expected => {
      return { output: 'weights', index, value: weightOf(index), bound: FUNCTION_BOUND }
    })
    if (!GRADIENT) return [...losses, ...weights]
    const dlogits = places('dlogits').map((index): Expected => {
      const [n, k] = [Math.floor(index / stride), index % stride]
      const value = n < step.batch && k < K ? step.scale * lossesOf(given, n).dLogits[k] : 0
      return { output: 'dlogits', index, value, bound: FUNCTION_BOUND * step.scale }
    })
    const dy = places('dy').filter((index) => index < step.batch * K * strideY).map((index): Expected => {
      const value = before.dy[index] * weightOf(Math.floor(index / strideY))
      return { output: 'dy', index, value, bound: FUNCTION_BOUND }
    })
    return [...losses, ...weights, ...dlogits, ...dy]
  },
  dispatches: ({ B, of }) => {
    const { K, N } = of({ K: 5, N: 35 }, { K: 10, N: 784 })
    const rows = B * K
    const t = tensors({
      logits: B * padTo4(K),
      dlogits: B * padTo4(K),
      labels: B,
      rowLosses: ringOf(rows),
      losses: 6 * MOST_STEPS * B,
      weights: rows,
      dy: rows * padTo4(N),
      status: 1,
    })
    const learning = classLoss(t, { B, K, N }, { classifierWeight: 2.5, gradient: true })
    return [learning, ...of([classLoss(t, { B, K, N }, { classifierWeight: 2.5, gradient: false })], [])]
  },
  idle: ({ GRADIENT }) => (GRADIENT ? [] : ['dy']),
}

/** y = softmax(x), 0 in the padding */
const softmaxCase: KernelCase = {
  kernel: 'softmax_forward',
  inputs: ({ B, K }, seed) => ({ x: rowsOf('x', seed, B, K, 4) }),
  expected: ({ constants: { K }, before: { x }, places }) => {
    const stride = padTo4(K)
    return places('y').map((index): Expected => {
      const [n, k] = [Math.floor(index / stride), index % stride]
      const value = k < K ? probabilities(x.subarray(n * stride, n * stride + K))[k] : 0
      return { output: 'y', index, value, bound: FUNCTION_BOUND }
    })
  },
  dispatches: ({ B, of }) => {
    const K = of(6, 10)
    return [softmaxForward(tensors({ x: B * padTo4(K), y: B * padTo4(K) }), { B, K })]
  },
}

function classSizes({ B, of }: Size) {
  const { K, C, O } = of({ K: 5, C: 7, O: 6 }, { K: 10, C: 784, O: 500 })
  const t = tensors({
    x: B * padTo4(O), y: B * K * padTo4(O), dx: B * padTo4(O), dy: B * K * padTo4(O),
    w: padTo4(O) * padTo4(C + K), dw: padTo4(O) * padTo4(C + K),
  })
  return { t, shape: { B, K, C, O } }
}

/** y[n·K+k, o] = act(x[n,o] + w[o, C+k]), 0 in the padding */
const forwardCase: KernelCase = {
  kernel: 'class_forward',
  inputs: ({ B, K, C, O }, seed) => ({ x: rowsOf('x', seed, B, O, 2), w: rowsOf('w', seed, padTo4(O), C + K) }),
  expected: ({ constants, before: { x, w }, places }) => {
    const { K, C, O } = constants
    const stride = padTo4(O)
    return places('y').map((index): Expected => {
      const [row, o] = [Math.floor(index / stride), index % stride]
      const sum = x[Math.floor(row / K) * stride + o] + w[o * padTo4(C + K) + C + (row % K)]
      const [value] = activationForward([sum], activationOf(constants, ''))
      return { output: 'y', index, value: o < O ? value : 0, bound: FUNCTION_BOUND }
    })
  },
  dispatches: (size) => {
    const { t, shape } = classSizes(size)
    return [classForward(t, shape, 'softplus')]
  },
}

/** dx[n] = Σ_k dy[n·K+k] */
const backwardInputCase: KernelCase = {
  kernel: 'class_backward_input',
  inputs: ({ B, K, O }, seed) => ({ dy: rowsOf('dy', seed, B * K, O) }),
  expected: ({ constants: { K, O }, before: { dy }, places }) => {
    const stride = padTo4(O)
    return places('dx').map((index): Expected => {
      const [n, o] = [Math.floor(index / stride), index % stride]
      const terms = Array.from({ length: K }, (_, k) => dy[(n * K + k) * stride + o])
      return { output: 'dx', index, value: terms.reduce((sum, term) => sum + term, 0), bound: K * SUM_BOUND }
    })
  },
  dispatches: (size) => {
    const { t, shape } = classSizes(size)
    return [classBackwardInput(t, shape)]
  },
}

/** dw[o, C+k] += Σ_n dy[n·K+k, o] */
const backwardWeightCase: KernelCase = {
  kernel: 'class_backward_weight',
  inPlace: ['dw'],
  inputs: ({ K, C, O }, seed, { dy, dw }) => ({
    dy: rowsOf('dy', seed, dy.elements / padTo4(O), O),
    dw: rowsOf('dw', seed, dw.elements / padTo4(C + K), C + K),
  }),
  expected: ({ constants: { K, C, O }, step, before: { dy, dw }, places }) => {
    const stride = padTo4(C + K)
    return places('dw').map((index): Expected => {
      const [o, k] = [Math.floor(index / stride), (index % stride) - C]
      if (o >= O || k < 0 || k >= K) return { output: 'dw', index, value: dw[index], bound: 0 }
      const terms = Array.from({ length: step.batch }, (_, n) => dy[(n * K + k) * padTo4(O) + o])
      const value = terms.reduce((sum, term) => sum + term, dw[index])
      return { output: 'dw', index, value, bound: (step.batch + 1) * SUM_BOUND }
    })
  },
  dispatches: (size) => {
    const { t, shape } = classSizes(size)
    return [classBackwardWeight(t, shape)]
  },
}

export const classCases: KernelCase[] = [
  classLossCase, softmaxCase, forwardCase, backwardInputCase, backwardWeightCase,
]

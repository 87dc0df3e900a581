import { canvasReadBackward, canvasReadForward } from '../../../src/ops/canvas.js'
import { padTo4 } from '../../../src/ops/dispatch.js'
import { headWidth } from '../../../src/ops/latent.js'
import { latentStepBackward, latentStepForward } from '../../../src/ops/latent-step.js'
import * as ops from '../../../src/ops/lstm.js'
import { errorBackward, errorForward } from '../canvas.js'
import { klBackward, klForward, reparameterizeBackward, reparameterizeForward } from '../latent.js'
import { lstmBackward, lstmForward } from '../lstm.js'
import {
  FUNCTION_BOUND, ringOf, rowsOf, tensors, whole,
  type Expected, type Given, type KernelCase, type Reference, type Size,
} from './case.js'

type Values = Float32Array

const rowOf = (values: Values, n: number, width: number) => {
  return values.subarray(n * padTo4(width), n * padTo4(width) + width)
}

/** Every gate's value of one unit. */
const gatesAt = (gates: Values, n: number, u: number, U: number) => [0, 1, 2, 3].map((k) => gates[(4 * n + k) * U + u])

/** c and h of single units, of an LSTM with one unit. */
const cellForward: Reference = {
  inputs: ({ B, U }, seed, { gates }) => ({
    gates: whole('gates', seed, gates, 3),
    c_before: rowsOf('c_before', seed, B, U),
  }),
  expected: ({ constants: { U }, before, places }) =>
    (['c', 'h'] as const).flatMap((output) =>
      places(output).map((index): Expected => {
        const [n, u] = [Math.floor(index / padTo4(U)), index % padTo4(U)]
        if (u >= U) return { output, index, value: 0, bound: 0 }
        const cell = lstmForward(gatesAt(before.gates, n, u, U), [before.c_before[index]])
        return { output, index, value: cell[output][0], bound: FUNCTION_BOUND }
      }),
    ),
}

/** The gradient by one unit's gates, which are given after their activations. */
const cellBackward: Reference = {
  inputs: ({ B, U, LAST }, seed, { gates, dx }) => {
    const before = rowsOf('c_before', seed, B, U)
    const raw = whole('gates', seed, gates, 3)
    const activated = new Float32Array(raw.length)
    const c = new Float32Array(before.length)
    for (let n = 0; n < B; n++) {
      const cell = lstmForward(raw.subarray(4 * n * U, 4 * (n + 1) * U), rowOf(before, n, U))
      activated.set(cell.activated, 4 * n * U)
      c.set(cell.c, n * padTo4(U))
    }
    const of = (name: string) => rowsOf(name, seed, B, U)
    const inputs = { gates: activated, c_before: before, c, dc: of('dc'), dh: of('dh') }
    return LAST ? inputs : { ...inputs, dx: whole('dx', seed, dx) }
  },
  expected: ({ constants: { U, STRIDE_X, OFFSET, LAST }, step, before, places }) =>
    places('gates').map((index): Expected => {
      const [n, k, u] = [Math.floor(index / (4 * U)), Math.floor(index / U) % 4, index % U]
      if (n >= step.batch) return { output: 'gates', index, value: 0, bound: 0 }
      const at = n * padTo4(U) + u
      const logit = (p: number) => Math.log(p / (1 - p))
      const raw = gatesAt(before.gates, n, u, U).map((y, gate) => (gate === 2 ? Math.atanh(y) : logit(y)))
      const dh = before.dh[at] + (LAST ? 0 : before.dx[n * STRIDE_X + OFFSET + u])
      const { dGates } = lstmBackward(raw, [before.c_before[at]], [dh], [LAST ? 0 : before.dc[at]])
      return { output: 'gates', index, value: dGates[k], bound: FUNCTION_BOUND }
    }),
}

/** The error image within what the encoder reads */
const canvasForward: Reference = {
  inputs: ({ B, N, D, E }, seed) => ({
    x: rowsOf('x', seed, B, N),
    before: rowsOf('before', seed, B, N),
    strokes: rowsOf('strokes', seed, B, N),
    h_dec: rowsOf('h_dec', seed, B, D),
    h_enc: rowsOf('h_enc', seed, B, E),
  }),
  expected: ({ constants: { N, D, E }, before, places }) =>
    places('y').map((index): Expected => {
      const stride = padTo4(2 * N + D + E + 2)
      const [n, i] = [Math.floor(index / stride), index % stride]
      const at = n * padTo4(N) + (i % N)
      const error = () => errorForward([before.x[at]], [before.before[at] + before.strokes[at]])[0]
      const states = [...rowOf(before.h_dec, n, D), ...rowOf(before.h_enc, n, E), 1, 1]
      const value = i < N ? before.x[at] : i < 2 * N ? error() : (states[i - 2 * N] ?? 0)
      return { output: 'y', index, value, bound: 1e-6 }
    }),
}

/** dcanvas −= sigmoid' · dy */
const canvasBackward: Reference = {
  inputs: ({ B, N, D, E }, seed) => ({
    dy: rowsOf('dy', seed, B, 2 * N + D + E + 2),
    canvas: rowsOf('canvas', seed, B, N),
    dcanvas: rowsOf('dcanvas', seed, B, N),
  }),
  expected: ({ constants: { N, D, E }, before, places }) =>
    places('dcanvas').map((index): Expected => {
      const [n, i] = [Math.floor(index / padTo4(N)), index % padTo4(N)]
      const dy = i < N ? before.dy[n * padTo4(2 * N + D + E + 2) + N + i] : 0
      const value = before.dcanvas[index] + errorBackward([before.canvas[index]], [dy])[0]
      return { output: 'dcanvas', index, value, bound: 1e-6 }
    }),
}

/** Mean and log-variance of one dimension: W rows of mean, then of log-variance, then the biases. */
function headAt({ constants: { Z, E, BIAS }, before }: Given, n: number, j: number): number[] {
  const h = rowOf(before.h_enc, n, E)
  return [j, padTo4(Z) + j].map((o) => {
    return h.reduce((sum, v, i) => sum + v * before.w[o * padTo4(E) + i], before.w[4 * BIAS + o])
  })
}

const noiseAt = ({ constants: { Z, STEPS, STEP } }: Given, noise: Values, n: number, j: number) => {
  return noise[(n * STEPS + STEP) * padTo4(Z) + j]
}

/** z, and the KL divergence of whole rows, which a benchmark adds to nothing */
const stepForward: Reference = {
  inputs: ({ B, Z, E, D }, seed, { w, noise }) => ({
    h_enc: rowsOf('h_enc', seed, B, E),
    h_dec: rowsOf('h_dec', seed, B, D),
    w: whole('w', seed, w, 1 / Math.sqrt(E)),
    noise: rowsOf('noise', seed, noise.elements / padTo4(Z), Z),
  }),
  expected: (given) => {
    const { constants: { Z, D, LOSS_ROWS }, step, before, after, places } = given
    const stride = padTo4(Z + D + 2)
    const y = places('y').map((index): Expected => {
      const [n, i] = [Math.floor(index / stride), index % stride]
      if (i >= Z) {
        const value = [...rowOf(before.h_dec, n, D), 1, 1][i - Z] ?? 0
        return { output: 'y', index, value, bound: 0 }
      }
      const [mean, logVariance] = headAt(given, n, i)
      const [value] = reparameterizeForward([mean], [logVariance], [noiseAt(given, after.noise, n, i)])
      return { output: 'y', index, value, bound: FUNCTION_BOUND }
    })
    const losses = places('losses').filter((n) => n < step.batch).map((n): Expected => {
      const heads = Array.from({ length: Z }, (_, j) => headAt(given, n, j))
      const value = klForward(heads.map(([mean]) => mean), heads.map(([, logVariance]) => logVariance))
      return { output: 'losses', index: LOSS_ROWS + n, value, bound: Z * FUNCTION_BOUND }
    })
    return [...y, ...losses]
  },
}

/** The gradient of the heads' output */
const stepBackward: Reference = {
  inputs: ({ B, Z, E, D }, seed, { w, noise }) => ({
    dy: rowsOf('dy', seed, B, Z + D + 2),
    noise: rowsOf('noise', seed, noise.elements / padTo4(Z), Z),
    w: whole('w', seed, w, 1 / Math.sqrt(E)),
    head: rowsOf('head', seed, 2 * B, Z),
  }),
  expected: (given) => {
    const { constants: { Z, D }, step, before, places } = given
    const weight = step.klWeight * step.scale
    return places('head').map((index): Expected => {
      const row = Math.floor(index / padTo4(Z))
      const [n, isLogVariance, j] = [row >> 1, row & 1, index % padTo4(Z)]
      if (n >= step.batch || j >= Z) return { output: 'head', index, value: 0, bound: 0 }
      const [mean, logVariance] = [0, 1].map((k) => [before.head[(2 * n + k) * padTo4(Z) + j]])
      const dz = [before.dy[n * padTo4(Z + D + 2) + j]]
      const path = reparameterizeBackward(dz, logVariance, [noiseAt(given, before.noise, n, j)])
      const kl = klBackward(mean, logVariance)
      const [d, dKl] = isLogVariance ? [path.dLogVariance, kl.dLogVariance] : [path.dMean, kl.dMean]
      return { output: 'head', index, value: d[0] + weight * dKl[0], bound: FUNCTION_BOUND }
    })
  },
}

function cellsOf({ B, of }: Size) {
  const U = of(7, 256)
  const [gates, state, row] = [B * 4 * U, B * padTo4(U), B * padTo4(U + 5)]
  const t = tensors({ gates, before: state, c: state, h: state, dc: state, dh: state, dx: row })
  return { t, shape: { B, U }, later: { dx: t.dx, stride: padTo4(U + 5), offset: 3 } }
}

function canvasesOf({ B, of }: Size) {
  const [N, D, E] = [of(15, 784), of(6, 256), of(5, 256)]
  const [image, row] = [B * padTo4(N), B * padTo4(2 * N + D + E + 2)]
  const images = { x: image, before: image, strokes: image, canvas: image, dcanvas: image }
  const states = { decoder: B * padTo4(D), dh: B * padTo4(D), encoder: B * padTo4(E) }
  return { t: tensors({ ...images, ...states, y: row, dy: row }), shape: { B, N, D, E } }
}

function stepsOf({ B, of }: Size) {
  const [Z, E, D, steps] = [of(3, 10), of(9, 256), of(6, 256), 3]
  const weights = headWidth(Z) * padTo4(E)
  const t = tensors({
    encoder: B * padTo4(E), dh: B * padTo4(E), decoder: B * padTo4(D), w: weights + headWidth(Z),
    noise: B * steps * padTo4(Z), head: B * headWidth(Z), losses: ringOf(B), status: 1,
    y: B * padTo4(Z + D + 2), dy: B * padTo4(Z + D + 2),
  })
  return { t, shape: { B, Z, E, D, steps, step: 1 }, options: { bias: weights / 4, lossRows: B } }
}

export const recurrentCases: KernelCase[] = [
  {
    kernel: 'lstm_forward',
    ...cellForward,
    inPlace: ['gates'],
    dispatches(size) {
      const { t, shape } = cellsOf(size)
      return [ops.lstmForward(t, shape)]
    },
  },
  {
    kernel: 'lstm_backward',
    ...cellBackward,
    inPlace: ['gates', 'dc'],
    dispatches(size) {
      const { t, shape, later } = cellsOf(size)
      return [ops.lstmBackward(t, shape, later), ...size.of([ops.lstmBackward(t, shape)], [])]
    },
  },
  {
    kernel: 'canvas_read_forward',
    ...canvasForward,
    dispatches(size) {
      const { t, shape } = canvasesOf(size)
      return [canvasReadForward(t, shape)]
    },
  },
  {
    kernel: 'canvas_read_backward',
    ...canvasBackward,
    inPlace: ['dcanvas'],
    dispatches(size) {
      const { t, shape } = canvasesOf(size)
      return [canvasReadBackward(t, shape)]
    },
  },
  {
    kernel: 'latent_step_forward',
    ...stepForward,
    inPlace: ['losses'],
    dispatches(size) {
      const { t, shape, options } = stepsOf(size)
      return [latentStepForward(t, shape, options)]
    },
  },
  {
    kernel: 'latent_step_backward',
    ...stepBackward,
    inPlace: ['head'],
    dispatches(size) {
      const { t, shape } = stepsOf(size)
      return [latentStepBackward(t, shape)]
    },
  },
]

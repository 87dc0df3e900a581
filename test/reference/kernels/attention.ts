import {
  attentionReadBackward, attentionReadForward, attentionWriteBackward, attentionWriteForward, patchSize, readSaved,
  writeSaved,
} from '../../../src/ops/attention.js'
import { padTo4 } from '../../../src/ops/dispatch.js'
import { filterBanks, readBackward, readForward, writeBackward, writeForward, type GridShape } from '../attention.js'
import { errorForward } from '../canvas.js'
import {
  FUNCTION_BOUND, rowsOf, tensors, whole,
  type Constants, type Expected, type Given, type KernelCase, type Reference, type Size,
} from './case.js'

// Of the gradients those by the outputs that place the grid, and by the patch; the rest is in test/kernels/.

type Values = Float32Array

const gridOf = ({ C, H, W, S }: Constants): GridShape => ({ C, H, W, S })
const patchOf = ({ C, S }: Constants) => C * S * S

function rowOf(values: Values, n: number, width: number): Values {
  return values.subarray(n * padTo4(width), n * padTo4(width) + width)
}

/** `count` outputs of a product with row n of the state, whose weights and bias begin at these vectors of w. */
function outputsOf(given: Given, n: number, count: number, weights: number, bias: number): Values {
  const { constants: { D }, before } = given
  const h = rowOf(before.h_dec, n, D)
  return Float32Array.from({ length: count }, (_, o) => {
    return h.reduce((sum, v, u) => sum + v * before.w[4 * weights + o * padTo4(D) + u], before.w[4 * bias + o])
  })
}

/** Five outputs of a row that keep a grid on the image. */
const placeAt = (seed: number, n: number) => rowsOf('outputs', seed + n, 1, 5, 0.4).subarray(0, 5)

/** Filters across, down, and what lies behind them in a row that the forward pass saves. */
function savedRow(constants: Constants, outputs: Values, middle: Float64Array, patch: Values): number[] {
  const { across, down } = filterBanks(outputs, gridOf(constants))
  const filters = [...across.filters, ...down.filters]
  return [...filters, ...middle, ...new Array<number>(filters.length).fill(0), ...outputs, 0, 0, 0, ...patch]
}

/** The rows of every image, in one array that has that many elements. */
function savedRows(rows: number[][], elements: number): Values {
  const stride = elements / rows.length
  const saved = new Float32Array(elements)
  rows.forEach((row, n) => saved.set(row.slice(0, stride), n * stride))
  return saved
}

/** Each channel's lines times the filters across: (lines, S) */
function acrossOf(constants: Constants, image: ArrayLike<number>, outputs: Values): Float64Array {
  const { W, S } = constants
  const { filters } = filterBanks(outputs, gridOf(constants)).across
  return Float64Array.from({ length: (image.length / W) * S }, (_, i) => {
    let sum = 0
    for (let a = 0; a < W; a++) sum += image[Math.floor(i / S) * W + a] * filters[(i % S) * W + a]
    return sum
  })
}

/** Images, canvases, states and weights. */
function inputsOf({ B, C, H, W, D, E }: Constants, seed: number, w: { elements: number }): Record<string, Values> {
  const images = (name: string) => rowsOf(name, seed, B, C * H * W)
  const weights = whole('w', seed, { name: 'w', storage: '', offset: 0, elements: w.elements }, 0.7 / Math.sqrt(D))
  return {
    x: images('x').map(Math.abs),
    canvas: images('canvas'),
    before: images('before'),
    dcanvas: images('dcanvas'),
    h_dec: rowsOf('h_dec', seed, B, D),
    h_enc: rowsOf('h_enc', seed, B, E || 1),
    w: weights,
  }
}

const chosen = (all: Record<string, Values>, ...names: string[]) => {
  return Object.fromEntries(names.map((name) => [name, all[name]]))
}

/** What the encoder reads */
const readForwardReference: Reference = {
  inputs: (constants, seed, { w }) => chosen(inputsOf(constants, seed, w), 'x', 'canvas', 'h_dec', 'h_enc', 'w'),
  expected: (given) => {
    const { constants, before, places } = given
    const { C, H, W, D, E, BIAS } = constants
    const P = patchOf(constants)
    const stride = padTo4(2 * P + D + E + 2)
    return places('y').map((index): Expected => {
      const [n, i] = [Math.floor(index / stride), index % stride]
      const states = () => [...rowOf(before.h_dec, n, D), ...rowOf(before.h_enc, n, E), 1, 1]
      if (i >= 2 * P) return { output: 'y', index, value: states()[i - 2 * P] ?? 0, bound: 0 }
      const [x, canvas] = [rowOf(before.x, n, C * H * W), rowOf(before.canvas, n, C * H * W)]
      const image = i < P ? x : errorForward(x, canvas)
      const value = readForward(image, outputsOf(given, n, 5, 0, BIAS), gridOf(constants))[i % P]
      return { output: 'y', index, value, bound: 10 * FUNCTION_BOUND }
    })
  },
}

/** The gradient by the outputs that place the grid */
const readBackwardReference: Reference = {
  inputs: (constants, seed, { w, saved }) => {
    const { B, C, H, W, D, E } = constants
    const all = inputsOf(constants, seed, w)
    const rows = Array.from({ length: B }, (_, n) => {
      const x = rowOf(all.x, n, C * H * W)
      const outputs = placeAt(seed, n)
      const error = errorForward(x, rowOf(all.canvas, n, C * H * W))
      const middle = [x, error].flatMap((image) => [...acrossOf(constants, image, outputs)])
      return savedRow(constants, outputs, Float64Array.from(middle), new Float32Array(0))
    })
    const dy = rowsOf('dy', seed, B, 2 * patchOf(constants) + D + E + 2)
    return { ...chosen(all, 'x', 'canvas', 'w', 'dcanvas'), dy, saved: savedRows(rows, saved.elements) }
  },
  expected: ({ constants, step, before, places }) => {
    const { C, H, W, D, E } = constants
    const P = patchOf(constants)
    const outputsAt = before.saved.length / constants.B
    const first = 2 * constants.S * (W + H) + 2 * C * H * constants.S
    return places('doutput').map((index): Expected => {
      const [n, k] = [Math.floor(index / 8), index % 8]
      if (n >= step.batch || k >= 5) return { output: 'doutput', index, value: 0, bound: 0 }
      const outputs = before.saved.subarray(n * outputsAt + first, n * outputsAt + first + 5)
      const x = rowOf(before.x, n, C * H * W)
      const dy = rowOf(before.dy, n, 2 * P + D + E + 2)
      const parts = [x, errorForward(x, rowOf(before.canvas, n, C * H * W))].map((image, part) => {
        return readBackward(image, outputs, dy.subarray(part * P, (part + 1) * P), gridOf(constants)).dOutputs[k]
      })
      return { output: 'doutput', index, value: parts[0] + parts[1], bound: 30 * FUNCTION_BOUND }
    })
  },
}

/** The canvas behind the strokes */
const writeForwardReference: Reference = {
  inputs: (constants, seed, { w }) => chosen(inputsOf(constants, seed, w), 'before', 'h_dec', 'w'),
  expected: (given) => {
    const { constants, before, places } = given
    const { C, H, W, P_BIAS, A, A_BIAS } = constants
    const N = C * H * W
    return places('canvas').map((index): Expected => {
      const [n, i] = [Math.floor(index / padTo4(N)), index % padTo4(N)]
      if (i >= N) return { output: 'canvas', index, value: 0, bound: 0 }
      const patch = outputsOf(given, n, patchOf(constants), 0, P_BIAS)
      const strokes = writeForward(patch, outputsOf(given, n, 5, A, A_BIAS), gridOf(constants))
      return { output: 'canvas', index, value: before.before[index] + strokes[i], bound: 10 * FUNCTION_BOUND }
    })
  },
}

/** The gradient by the outputs that place the grid, and by the patch */
const writeBackwardReference: Reference = {
  inputs: (constants, seed, { w, saved, dh }) => {
    const { B, W, H, S, C } = constants
    const rows = Array.from({ length: B }, (_, n) => {
      const outputs = placeAt(seed, n)
      const patch = rowsOf('patch', seed + n, 1, patchOf(constants)).subarray(0, patchOf(constants))
      const { filters } = filterBanks(outputs, { C, H, W, S }).across
      const middle = Float64Array.from({ length: C * S * W }, (_, i) => {
        let sum = 0
        for (let j = 0; j < S; j++) sum += patch[Math.floor(i / W) * S + j] * filters[j * W + (i % W)]
        return sum
      })
      return savedRow(constants, outputs, middle, patch)
    })
    const all = chosen(inputsOf(constants, seed, w), 'dcanvas', 'w')
    return { ...all, saved: savedRows(rows, saved.elements), dh: whole('dh', seed, dh) }
  },
  expected: ({ constants, step, before, places }) => {
    const { B, C, H, W, S } = constants
    const P = patchOf(constants)
    const stride = before.saved.length / B
    const first = 2 * S * (W + H) + C * S * W
    const gradientOf = (n: number) => {
      const row = before.saved.subarray(n * stride + first, n * stride + first + 8 + P)
      return writeBackward(row.subarray(8), row.subarray(0, 5), rowOf(before.dcanvas, n, C * H * W), gridOf(constants))
    }
    const of = (output: 'doutput' | 'dpatch', width: number, count: number) =>
      places(output).map((index): Expected => {
        const [n, k] = [Math.floor(index / width), index % width]
        if (n >= step.batch || k >= count) return { output, index, value: 0, bound: 0 }
        const value = gradientOf(n)[output === 'doutput' ? 'dOutputs' : 'dPatch'][k]
        return { output, index, value, bound: 30 * FUNCTION_BOUND }
      })
    return [...of('doutput', 8, 5), ...of('dpatch', padTo4(P), P)]
  },
}

function sizesOf({ B, of }: Size) {
  const grid = of({ C: 2, H: 5, W: 6, S: 3 }, { C: 1, H: 28, W: 28, S: 5 })
  const [D, E] = [of(7, 256), of(6, 256)]
  const [pixels, patch, state] = [grid.C * grid.H * grid.W, patchSize(grid), padTo4(D)]
  const places = { patchBias: (padTo4(patch) * state) / 4, attention: 0, attentionBias: 0 }
  places.attention = places.patchBias + padTo4(patch) / 4
  places.attentionBias = places.attention + 2 * state
  const [image, row] = [B * padTo4(pixels), B * padTo4(2 * patch + D + E + 2)]
  const t = tensors({
    x: image, canvas: image, before: image, dcanvas: image,
    decoder: B * state, dh: B * state, encoder: B * padTo4(E), y: row, dy: row,
    dpatch: B * padTo4(patch), doutput: B * 8, w: 4 * places.attentionBias + 8,
  })
  const { saved: ofRead } = tensors({ saved: B * readSaved(grid) })
  const { saved: ofWrite } = tensors({ saved: B * writeSaved(grid) })
  const shape = { B, ...grid, D }
  const [read, write] = [{ ...t, saved: ofRead }, { ...t, saved: ofWrite }]
  return { read, write, shape, readShape: { ...shape, E }, places, bias: 2 * state }
}

export const attentionCases: KernelCase[] = [
  {
    kernel: 'attention_read_forward',
    ...readForwardReference,
    dispatches(size) {
      const { read, readShape, bias } = sizesOf(size)
      return [attentionReadForward(read, readShape, { bias })]
    },
  },
  {
    kernel: 'attention_read_backward',
    ...readBackwardReference,
    inPlace: ['saved', 'dcanvas'],
    dispatches(size) {
      const { read, readShape } = sizesOf(size)
      return [attentionReadBackward(read, readShape)]
    },
  },
  {
    kernel: 'attention_write_forward',
    ...writeForwardReference,
    dispatches(size) {
      const { write, shape, places } = sizesOf(size)
      return [attentionWriteForward(write, shape, places)]
    },
  },
  {
    kernel: 'attention_write_backward',
    ...writeBackwardReference,
    inPlace: ['saved', 'dh'],
    dispatches(size) {
      const { write, shape, places } = sizesOf(size)
      return [attentionWriteBackward(write, shape, places, { add: true })]
    },
  },
]

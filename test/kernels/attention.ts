import {
  attentionReadBackward, attentionReadForward, attentionWriteBackward, attentionWriteForward, readSaved, writeSaved,
} from '../../src/ops/attention.js'
import { padRows, padTo4 } from '../../src/ops/dispatch.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import * as reference from '../reference/attention.js'
import { errorBackward, errorForward } from '../reference/canvas.js'
import { denseForward } from '../reference/dense.js'
import { uniformArray } from '../reference/formula.js'
import { expectSame, expectWithin } from '../support/bounds.js'
import { padExpected, padMatrix } from '../support/matrix.js'
import { runKernels, runTilings } from '../support/run-kernel.js'

const suites = {
  readForward: suite('attention_read_forward'),
  readBackward: suite('attention_read_backward'),
  writeForward: suite('attention_write_forward'),
  writeBackward: suite('attention_write_backward'),
}

const cases = [
  { B: 1, C: 1, H: 1, W: 3, S: 2, D: 1, E: 1 },
  { B: 3, C: 1, H: 5, W: 7, S: 2, D: 6, E: 5 },
  { B: 8, C: 3, H: 6, W: 4, S: 3, D: 9, E: 8 },
  { B: 5, C: 1, H: 28, W: 28, S: 5, D: 33, E: 17 },
  { B: 2, C: 2, H: 9, W: 17, S: 12, D: 4, E: 3 },
]
type Case = (typeof cases)[number]

type Values = Float32Array | Float64Array

/** Of the largest of the values: some functions in a row, then sums of their products. */
const RELATIVE = 3e-5

/** Rows that are near what is expected of them. */
function expectNear(actual: Values, expected: Float64Array, what: string): void {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  expectWithin(actual, expected, new Float64Array(expected.length).fill(RELATIVE * largest + 1e-7), what)
}

function row<T extends Values>(values: T, n: number, width: number): T {
  return values.subarray(n * width, (n + 1) * width) as T
}

/** The values of a row without its padding. */
function unpadded(values: Float32Array, n: number, width: number): Float32Array {
  return values.subarray(n * padTo4(width), n * padTo4(width) + width)
}

/** What every kernel here reads, with weights small enough for a grid that is not far off the image. */
function inputsOf({ B, C, H, W, S, D, E }: Case) {
  const rows = padRows(B)
  const [pixels, patch] = [C * H * W, C * S * S]
  const limit = 0.7 / Math.sqrt(D)
  const weights = { a: uniformArray(5 * D, 1, limit), b: uniformArray(5, 2, 0.3) }
  const patches = { p: uniformArray(patch * D, 3, limit), q: uniformArray(patch, 4) }
  const hDec = uniformArray(rows * D, 5)
  const outputs = denseForward(hDec, weights.a, weights.b, { B: rows, I: D, O: 5 })
  const written = denseForward(hDec, patches.p, patches.q, { B: rows, I: D, O: patch })
  const x = uniformArray(rows * pixels, 6).map(Math.abs)
  return {
    rows, pixels, patch, weights, patches, hDec, outputs, written, x,
    hEnc: uniformArray(rows * E, 7),
    canvas: uniformArray(rows * pixels, 8, 4),
    dcanvas: uniformArray(rows * pixels, 9),
  }
}

type Inputs = ReturnType<typeof inputsOf>

/** Weights, then biases, each in rows of whole vectors, with the vector at which each begins. */
function readParameters({ weights }: Inputs, D: number) {
  const a = padMatrix(weights.a, 5, D, 8)
  return { w: Float32Array.from([...a, ...padMatrix(weights.b, 1, 5)]), places: { bias: a.length / 4 } }
}

function writeParameters({ weights, patches, patch }: Inputs, D: number) {
  const p = padMatrix(patches.p, patch, D, padTo4(patch))
  const q = padMatrix(patches.q, 1, patch)
  const a = padMatrix(weights.a, 5, D, 8)
  const w = Float32Array.from([...p, ...q, ...a, ...padMatrix(weights.b, 1, 5)])
  const [patchBias, attention] = [p.length / 4, (p.length + q.length) / 4]
  return { w, places: { patchBias, attention, attentionBias: attention + a.length / 4 } }
}

for (const one of cases) {
  const { B, C, H, W, S, D, E } = one
  const title = `B=${B} C=${C} H=${H} W=${W} S=${S} D=${D} E=${E}`
  const grid = { C, H, W, S }
  const inputs = inputsOf(one)
  const { rows, pixels, patch, outputs, written, x, hDec, hEnc, canvas, dcanvas, weights, patches } = inputs
  const shape = { B: rows, ...grid, D }
  const padded = (values: ArrayLike<number>, width: number) => padMatrix(values, rows, width)

  const { w: readWeights, places: readPlaces } = readParameters(inputs, D)
  const reading = {
    x: padded(x, pixels),
    canvas: padded(canvas, pixels),
    decoder: padded(hDec, D),
    encoder: padded(hEnc, E),
    w: readWeights,
    saved: rows * readSaved(grid),
    y: rows * padTo4(2 * patch + D + E + 2),
  }
  const { w: writeWeights, places: writePlaces } = writeParameters(inputs, D)
  const writing = {
    decoder: padded(hDec, D),
    w: writeWeights,
    before: padded(canvas, pixels),
    saved: rows * writeSaved(grid),
    canvas: rows * padTo4(pixels),
  }

  gpuTest(suites.readForward, `matches the reference at ${title}`, async ({ device }) => {
    const width = 2 * patch + D + E + 2
    const dispatch = (t: Parameters<typeof attentionReadForward>[0]) => {
      return attentionReadForward(t, { ...shape, E }, readPlaces)
    }
    for (const { y } of await runTilings(device, reading, dispatch)) {
      for (let n = 0; n < rows; n++) {
        const [image, output] = [row(x, n, pixels), row(outputs, n, 5)]
        const glimpse = reference.readForward(image, output, grid)
        const error = reference.readForward(errorForward(image, row(canvas, n, pixels)), output, grid)
        const came = unpadded(y, n, width)
        expectNear(came.subarray(0, 2 * patch), Float64Array.from([...glimpse, ...error]), `glimpses of row ${n}`)
        expectSame(came.subarray(2 * patch), [...row(hDec, n, D), ...row(hEnc, n, E), 1, 1], `states of row ${n}`)
      }
      for (let n = 0; n < rows; n++) {
        const padding = y.subarray(n * padTo4(width) + width, (n + 1) * padTo4(width))
        expectSame(padding, new Float64Array(padding.length), `padding of row ${n}`)
      }
    }
  })

  gpuTest(suites.readBackward, `matches the reference at ${title}`, async ({ device }) => {
    const width = 2 * patch + D + E + 2
    const dy = uniformArray(rows * width, 10)
    const contents = {
      ...reading,
      dy: padded(dy, width),
      dcanvas: padded(dcanvas, pixels),
      dh: rows * padTo4(D),
      doutput: rows * 8,
    }
    const result = await runKernels(device, contents, (t) => [
      attentionReadForward(t, { ...shape, E }, readPlaces),
      attentionReadBackward(t, { ...shape, E }),
    ], { batch: B })
    for (let n = 0; n < B; n++) {
      const [image, output, own] = [row(x, n, pixels), row(outputs, n, 5), row(canvas, n, pixels)]
      const d = row(dy, n, width)
      const ofImage = reference.readBackward(image, output, d.subarray(0, patch), grid)
      const ofError = reference.readBackward(errorForward(image, own), output, d.subarray(patch, 2 * patch), grid)
      const dOutput = ofImage.dOutputs.map((value, k) => value + ofError.dOutputs[k])
      expectNear(unpadded(result.doutput, n, 5), dOutput, `doutput of row ${n}`)
      const byCanvas = errorBackward(own, ofError.dImage)
      const whole = byCanvas.map((value, i) => value + dcanvas[n * pixels + i])
      expectNear(unpadded(result.dcanvas, n, pixels), whole, `dcanvas of row ${n}`)
      const dh = Float64Array.from({ length: D }, (_, u) => {
        return dOutput.reduce((sum, value, k) => sum + value * weights.a[k * D + u], d[2 * patch + u])
      })
      expectNear(unpadded(result.dh, n, D), dh, `dh of row ${n}`)
    }
    expectSame(result.doutput.subarray(B * 8), new Float64Array((rows - B) * 8), 'doutput behind the batch')
    expectSame(result.dh.subarray(B * padTo4(D)), new Float64Array((rows - B) * padTo4(D)), 'dh behind the batch')
  })

  gpuTest(suites.writeForward, `matches the reference at ${title}`, async ({ device }) => {
    const expected = new Float64Array(rows * pixels)
    for (let n = 0; n < rows; n++) {
      const strokes = reference.writeForward(row(written, n, patch), row(outputs, n, 5), grid)
      expected.set(strokes.map((value, i) => value + canvas[n * pixels + i]), n * pixels)
    }
    for (const result of await runTilings(device, writing, (t) => attentionWriteForward(t, shape, writePlaces))) {
      expectNear(result.canvas, padExpected(expected, rows, pixels), 'canvas')
    }
  })

  for (const add of [false, true]) {
    gpuTest(suites.writeBackward, `${add ? 'adds' : 'matches the reference'} at ${title}`, async ({ device }) => {
      const others = uniformArray(rows * D, 11)
      const contents = {
        ...writing,
        dcanvas: padded(dcanvas, pixels),
        dh: add ? padded(others, D) : rows * padTo4(D),
        dpatch: rows * padTo4(patch),
        doutput: rows * 8,
      }
      const result = await runKernels(device, contents, (t) => [
        attentionWriteForward(t, shape, writePlaces),
        attentionWriteBackward(t, shape, writePlaces, { add }),
      ], { batch: B })
      for (let n = 0; n < B; n++) {
        const [own, output] = [row(written, n, patch), row(outputs, n, 5)]
        const { dPatch, dOutputs } = reference.writeBackward(own, output, row(dcanvas, n, pixels), grid)
        expectNear(unpadded(result.dpatch, n, patch), dPatch, `dpatch of row ${n}`)
        expectNear(unpadded(result.doutput, n, 5), dOutputs, `doutput of row ${n}`)
        const dh = Float64Array.from({ length: D }, (_, u) => {
          const before = add ? others[n * D + u] : 0
          const byPatch = dPatch.reduce((sum, value, k) => sum + value * patches.p[k * D + u], before)
          return dOutputs.reduce((sum, value, k) => sum + value * weights.a[k * D + u], byPatch)
        })
        expectNear(unpadded(result.dh, n, D), dh, `dh of row ${n}`)
      }
      for (const name of ['dpatch', 'doutput', 'dh'] as const) {
        const behind = result[name].subarray((result[name].length / rows) * B)
        expectSame(behind, new Float64Array(behind.length), `${name} behind the batch`)
      }
    })
  }
}

for (const each of Object.values(suites)) each.run()

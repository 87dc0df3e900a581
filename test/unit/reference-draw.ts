import { suite } from '../harness/suite.js'
import { filterBanks, readBackward, readForward, writeBackward, writeForward } from '../reference/attention.js'
import { errorBackward, errorForward } from '../reference/canvas.js'
import { assertClose } from '../reference/compare.js'
import { normalArray } from '../reference/formula.js'
import { lstmBackward, lstmForward } from '../reference/lstm.js'
import { checkBackward } from '../support/derivatives.js'

const reference = suite('reference of DRAW')

const shapes = [
  { C: 1, H: 5, W: 7, S: 2 },
  { C: 3, H: 6, W: 4, S: 3 },
]
for (const shape of shapes) {
  const { C, H, W, S } = shape
  const title = `C=${C} H=${H} W=${W} S=${S}`
  const outputs = normalArray(5, 1).map((value) => 0.4 * value)
  const image = normalArray(C * H * W, 2)
  const patch = normalArray(C * S * S, 3)

  reference(`the backward pass of reading is its derivative at ${title}`, () => {
    const backward = (dy: ArrayLike<number>) => readBackward(image, outputs, dy, shape)
    checkBackward('dImage', (p) => readForward(p, outputs, shape), image, (dy) => backward(dy).dImage)
    checkBackward('dOutputs', (p) => readForward(image, p, shape), outputs, (dy) => backward(dy).dOutputs)
  })

  reference(`the backward pass of writing is its derivative at ${title}`, () => {
    const backward = (dy: ArrayLike<number>) => writeBackward(patch, outputs, dy, shape)
    checkBackward('dPatch', (p) => writeForward(p, outputs, shape), patch, (dy) => backward(dy).dPatch)
    checkBackward('dOutputs', (p) => writeForward(patch, p, shape), outputs, (dy) => backward(dy).dOutputs)
  })
}

reference('a grid in the middle with one pixel between its filters and little variance reads those pixels', () => {
  const shape = { C: 1, H: 5, W: 5, S: 3 }
  const outputs = [0, 0, Math.log(1e-3), Math.log(1 / 2), Math.log(7)] // δ = 4/2 · ½ = 1
  const image = Float64Array.from({ length: 25 }, (_, i) => i)
  const middle = [6, 7, 8, 11, 12, 13, 16, 17, 18].map((value) => 7 * value)
  assertClose(readForward(image, outputs, shape), middle, 'glimpse', 1e-5)
  const written = writeForward(middle, outputs, shape)
  assertClose([written[6], written[12], written[0]], [6, 12, 0], 'strokes', 1e-5)
})

reference('every filter sums to 1 where it lies on the image, and to nothing far off it', () => {
  const { across } = filterBanks([0.1, 50, 0, -1, 0], { C: 1, H: 5, W: 7, S: 2 })
  const { down } = filterBanks([0.1, 50, 0, -1, 0], { C: 1, H: 5, W: 7, S: 2 })
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0)
  assertClose([sum(across.filters.subarray(0, 7)), sum(down.filters)], [1, 0], 'sums', 1e-6)
})

reference('the backward passes of an LSTM and of the error image are their derivatives', () => {
  const U = 3
  const [gates, before] = [normalArray(4 * U, 1), normalArray(U, 2)]
  const none = new Float64Array(U)
  const byState = (dy: ArrayLike<number>) => lstmBackward(gates, before, dy, none)
  checkBackward('h by gates', (p) => lstmForward(p, before).h, gates, (dy) => byState(dy).dGates)
  checkBackward('h by before', (p) => lstmForward(gates, p).h, before, (dy) => byState(dy).dBefore)
  const byCell = (dy: ArrayLike<number>) => lstmBackward(gates, before, none, dy)
  checkBackward('c by gates', (p) => lstmForward(p, before).c, gates, (dy) => byCell(dy).dGates)
  checkBackward('c by before', (p) => lstmForward(gates, p).c, before, (dy) => byCell(dy).dBefore)
  const [x, canvas] = [normalArray(6, 3), normalArray(6, 4)]
  checkBackward('error', (p) => errorForward(x, p), canvas, (dy) => errorBackward(canvas, dy))
})

reference.run()

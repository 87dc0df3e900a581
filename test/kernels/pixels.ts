import { bcePixels, gaussianPixels } from '../../src/ops/likelihood.js'
import { padTo4 } from '../../src/ops/dispatch.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { bernoulliForward } from '../reference/bernoulli.js'
import { continuousBernoulliForward } from '../reference/continuous-bernoulli.js'
import { uniformArray } from '../reference/formula.js'
import { gaussianForward } from '../reference/gaussian.js'
import { expectWithin } from '../support/bounds.js'
import { padExpected, padMatrix } from '../support/matrix.js'
import { runKernels } from '../support/run-kernel.js'

const logits = suite('bce_pixels')
const means = suite('gaussian_pixels')

interface Case {
  B: number
  N: number
  /** Rows of the output an image. */
  samples: number
  weighted: boolean
  /** Draws before this one, whose sums are there already. */
  counter: number
}

const cases: Case[] = [
  { B: 1, N: 1, samples: 1, weighted: false, counter: 0 },
  { B: 3, N: 5, samples: 2, weighted: true, counter: 0 },
  { B: 8, N: 7, samples: 10, weighted: true, counter: 3 },
  { B: 13, N: 257, samples: 1, weighted: false, counter: 1 },
]

type PixelLoss = (output: number, x: number) => number

/** What the pixels hold: what is there before, if anything is, and every row's loss times its weight. */
async function expectPixels(
  device: GPUDevice,
  { B, N, samples, weighted, counter }: Case,
  loss: PixelLoss,
  dispatch: (t: Parameters<typeof bcePixels>[0] & Parameters<typeof gaussianPixels>[0]) => ReturnType<typeof bcePixels>,
): Promise<void> {
  const output = uniformArray(B * samples * N, 1, 3)
  const x = uniformArray(B * N, 2).map((value) => 0.5 * value + 0.5)
  const weights = uniformArray(B * samples, 3).map((value) => 0.5 * value + 0.5)
  const before = uniformArray(B * N, 4)
  const padded = padMatrix(output, B * samples, N)
  const contents = {
    logits: padded,
    means: padded,
    x: padMatrix(x, B, N),
    weights,
    pixels: counter > 0 ? padMatrix(before, B, N) : B * padTo4(N),
  }
  const run = ({ weights: w, ...t }: Record<keyof typeof contents, Parameters<typeof bcePixels>[0]['x']>) =>
    dispatch({ ...t, ...(weighted && { weights: w }) })
  const { pixels } = await runKernels(device, contents, run, { batch: B, counter })
  const expected = Float64Array.from(x, (target, at) => {
    const [n, i] = [Math.floor(at / N), at % N]
    let sum = counter > 0 ? before[at] : 0
    for (let row = n * samples; row < (n + 1) * samples; row++) {
      sum += (weighted ? weights[row] : 1) * loss(output[row * N + i], target)
    }
    return sum
  })
  // A logarithm may be 2⁻²¹ off, exp some ULP; of sums of up to ten losses of up to 10 nats.
  const bounds = Float64Array.from(expected, (value) => samples * 2e-6 + 2e-6 * Math.abs(value))
  expectWithin(pixels, padExpected(expected, B, N), padExpected(bounds, B, N), 'pixels')
}

for (const shape of cases) {
  const { B, N, samples } = shape
  const name = `at B=${B} N=${N}, ${samples} rows an image${shape.weighted ? ', weighted' : ''}, draw ${shape.counter}`
  for (const isContinuous of [false, true]) {
    gpuTest(logits, `matches the ${isContinuous ? 'continuous ' : ''}reference ${name}`, ({ device }) => {
      const loss: PixelLoss = (l, x) => (isContinuous ? continuousBernoulliForward : bernoulliForward)([l], [x])
      return expectPixels(device, shape, loss, (t) => bcePixels(t, { B, N, samples }, { isContinuous }))
    })
  }
  gpuTest(means, `matches the reference ${name}`, ({ device }) => {
    const loss: PixelLoss = (mean, x) => gaussianForward([mean], [x], -1.3)
    return expectPixels(device, shape, loss, (t) => gaussianPixels(t, { B, N, samples }, -1.3))
  })
}

logits.run()
means.run()

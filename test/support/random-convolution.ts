import { FUSED_ACTIVATIONS } from '../../src/ops/activation.js'
import { hash } from '../reference/formula.js'
import { checkBackwardInput, checkBackwardWeight, checkForward, output, type Case } from './convolution.js'

/** `count` small layers, the same for the same seed: any kernel, stride and padding that fit, height and width apart. */
export function randomConvolutions(count: number, seed: number, transposed: boolean): Case[] {
  const cases: Case[] = []
  for (let draw = 0; cases.length < count; draw++) {
    const shape = randomCase(seed, draw, transposed)
    if (fits(shape)) cases.push(shape)
  }
  return cases
}

/** Forward, input gradient and weight gradient of each layer against the reference; a failure says which it was. */
export async function checkConvolutions(device: GPUDevice, shapes: readonly Case[]): Promise<void> {
  await Promise.all(shapes.map((shape) => checkConvolution(device, shape))) // at once: compiling is most of the work
}

async function checkConvolution(device: GPUDevice, shape: Case): Promise<void> {
  try {
    await Promise.all([checkForward, checkBackwardInput, checkBackwardWeight].map((check) => check(device, shape)))
  } catch (error) {
    throw new Error(`${JSON.stringify(shape)}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}

function randomCase(seed: number, draw: number, transposed: boolean): Case {
  let at = 0
  const pick = <T>(...values: T[]): T => values[hash(draw * 32 + at++, seed) % values.length]
  return {
    B: pick(1, 2, 3),
    H: pick(1, 2, 3, 4, 5, 6),
    W: pick(1, 2, 3, 4, 5, 7),
    Ci: pick(1, 2, 3, 4, 5, 8, 12),
    Co: pick(1, 2, 3, 4, 6, 8, 16),
    Kh: pick(1, 2, 3, 4),
    Kw: pick(1, 2, 3, 5),
    S: pick(1, 1, 2, 3),
    padding: pick<Case['padding']>('same', 'same', 0, 1, 2),
    activation: pick(...FUSED_ACTIVATIONS),
    skip: pick(false, false, true),
    transposed,
  }
}

/** Whether there is an output, and the padding is less than the kernel, as a transposed layer needs it. */
function fits(shape: Case): boolean {
  const { H, W, Kh, Kw, padding, transposed } = shape
  if (padding !== 'same') {
    if (!transposed && (Kh > H + 2 * padding || Kw > W + 2 * padding)) return false
    if (padding >= Math.min(Kh, Kw)) return false
  }
  const { Ho, Wo } = output(shape)
  return Ho >= 1 && Wo >= 1
}

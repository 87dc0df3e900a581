import {
  batchNormBackwardInput, batchNormBackwardWeight, batchNormForward, batchNormRunning, batchNormStatistics,
  statisticsWidth,
} from '../../src/ops/batch-norm.js'
import { choleskyBackward, choleskyForward, choleskyHeadWidth } from '../../src/ops/cholesky.js'
import { padTo4, type Dispatch, type PlanTensor } from '../../src/ops/dispatch.js'
import {
  SPHERE_SAVED, sphereHeadWidth, sphereNoiseWidth, vmfBackward, vmfForward,
} from '../../src/ops/von-mises-fisher.js'
import { MOST_STEPS } from '../../src/schedule/step.js'

/** Dispatches of the kinds of layers and latents that the presets of the benchmark lack, for B rows. */
export function kindDispatches(B: number): Dispatch[] {
  return [...batchNorms(B), ...fullCovariance(B), ...sphere(B)]
}

/** A batch normalisation behind a convolution of 8 × 8 × 64, and the running statistics of ten of 256 channels. */
function batchNorms(B: number): Dispatch[] {
  const [P, C, N] = [64, 64, 10 * statisticsWidth(256)]
  const shape = { B, P, C }
  const [x, y, dy, dx] = ['x', 'y', 'dy', 'dx'].map((name) => tensor(name, B * P * C))
  const [statistics, sums] = ['statistics', 'sums'].map((name) => tensor(name, statisticsWidth(C)))
  const [w, b, dw, db] = ['w', 'b', 'dw', 'db'].map((name) => tensor(name, C))
  const status = tensor('status', 1)
  const uses = [{ use: 0, first: 0, count: N }]
  return [
    batchNormStatistics({ x, statistics, status }, shape),
    batchNormForward({ x, statistics, w, b, y }, shape, 'relu', 'batch'),
    batchNormBackwardWeight({ dy, x, statistics, sums, dw, db }, shape, 'write'),
    batchNormBackwardInput({ dy, x, statistics, w, sums, dx }, shape, 'relu'),
    batchNormRunning({ batch: tensor('batch', N), running: tensor('running', N), status }, uses),
  ]
}

/** A Gaussian latent of 20 dimensions whose covariance is not diagonal. */
function fullCovariance(B: number): Dispatch[] {
  const Z = 20
  const [head, dhead] = ['head', 'dhead'].map((name) => tensor(name, B * choleskyHeadWidth(Z)))
  const [noise, z, dz] = ['noise', 'z', 'dz'].map((name) => tensor(name, B * padTo4(Z)))
  const losses = tensor('losses', 2 * MOST_STEPS * B)
  return [
    choleskyForward({ head, noise, z, losses, status: tensor('status', 1) }, { B, Z }, true),
    choleskyBackward({ dz, head, noise, dhead }, { B, Z }),
  ]
}

/** Points of the sphere in three dimensions, the concentration learned. */
function sphere(B: number): Dispatch[] {
  const size = 3
  const [head, dhead] = ['head', 'dhead'].map((name) => tensor(name, B * sphereHeadWidth(size)))
  const [z, dz] = ['z', 'dz'].map((name) => tensor(name, B * padTo4(size)))
  const noise = tensor('noise', B * sphereNoiseWidth(size))
  const saved = tensor('saved', B * SPHERE_SAVED)
  const losses = tensor('losses', 2 * MOST_STEPS * B)
  return [
    vmfForward({ head, noise, z, saved, losses, status: tensor('status', 1) }, { B, size }, 'drawn'),
    vmfBackward({ dz, head, noise, saved, dhead }, { B, size }),
  ]
}

function tensor(name: string, elements: number): PlanTensor {
  return { name, elements, storage: 'activation', offset: 0 }
}

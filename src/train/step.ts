import { readOptions, type Keys } from '../checks.js'
import { DataError, NumericError, ShapeError } from '../errors.js'
import { imageRows, writeLabels, writeRows } from '../model/inference.js'
import { lossLabelRows, type LabelOptions } from '../model/labels.js'
import type { Model } from '../model/model.js'
import type { Network } from '../model/network.js'
import { readObjective } from '../model/objectives/kinds.js'
import type { Objective } from '../model/objectives/objective.js'
import type { ModelRuntime, Program } from '../model/runtime.js'
import { sizeOf } from '../model/shapes.js'
import type { Optimizer, UpdateFactors } from '../ops/update.js'
import { streamKey, STREAMS } from '../random.js'
import { MOST_STEPS } from '../schedule/step.js'
import { meanLosses } from '../schedule/step-queue.js'
import { asRows, checkFinite, elementCount, readTensor, type Tensor } from '../tensor.js'
import { readGivenLabels } from './arguments.js'
import { findCulprit } from './culprit.js'
import { lossOf, type Loss } from './evaluate.js'

/** A batch of the caller's own, and what to minimise on it. */
export interface Batch extends LabelOptions, Objective {
  /** `[batch, height, width, channels]` in [0, 1]. */
  images: Tensor | Float32Array
  /**
   * `[batch, latent]` values of ε, with importance samples `[batch, samples, latent]`, of a recurrent model `[batch, steps,
   * latent]`; of a von Mises-Fisher latent `[batch, latent + 1]`, u in (0, 1) and then normals. Drawn when left out; with it
   * the result is a pure function of its inputs.
   */
  noise?: Tensor | Float32Array
  /** `[batch, latent]` draws of the prior, of a model with a discriminator; drawn when left out. */
  prior?: Tensor | Float32Array
}

const BATCH_KEYS: Keys<Batch> = {
  images: true,
  noise: true,
  prior: true,
  labels: true,
  importanceSamples: true,
  freeBits: true,
  balance: true,
}

/** The per-step values that a batch does not carry. */
interface StepSettings extends UpdateFactors {
  klWeight: number
  seed: number
  /** Position in the noise stream, where the noise is drawn. */
  counter: number
}

/** A batch, checked. */
export interface BatchRows {
  images: Float32Array
  noise?: Float32Array
  /** Values in a row of noise. */
  noiseWidth?: number
  prior?: Float32Array
  labels?: Uint32Array
  rows: number
  objective: Objective
}

/** Reads a batch. @throws ShapeError, DataError, SpecError */
export function batchRows(of: Pick<ModelRuntime, 'model'>, batch: Batch, who: string): BatchRows {
  const { model } = of
  const given = readOptions<Batch>(batch, who, BATCH_KEYS)
  const objective = readObjective(given, model, who)
  const { data: images, rows } = imageRows(of, given.images as Tensor)
  const noise = given.noise === undefined ? undefined : readTensor(given.noise, 'noise')
  const labels = lossLabelRows(model, readGivenLabels(given.labels, model.classes), rows)
  const prior = given.prior === undefined ? undefined : priorRows(given.prior, rows, model)
  const without = { images, prior, labels, rows, objective }
  const { latent } = model
  if (!noise || latent.noiseWidth === 0) return without
  const drawn = noiseRows(noise, rows, latent.noiseWidth, model.rowsPerImage({ output: 'gradients', ...objective }))
  latent.checkNoise?.(drawn)
  return { ...without, noise: drawn, noiseWidth: latent.noiseWidth }
}

/**
 * Runs one step on the caller's batch: losses and gradients, and with an optimiser the update.
 * @returns the loss before the update and, for output `gradients`, the whole gradient arena
 * @throws NumericError when the loss or a gradient is not finite, with the parameters unchanged
 */
export async function runBatch(
  runtime: ModelRuntime<Network>,
  batch: BatchRows,
  output: 'gradients' | { update: Optimizer },
  settings: StepSettings,
): Promise<{ loss: Loss; gradients: Float32Array }> {
  const { rows, objective } = batch
  const noise = batch.noise ? 'given' : 'drawn'
  const prior = batch.prior && ({ prior: 'given' } as const)
  const request = { batch: rows, input: { type: 'images' }, noise, output, ...prior, ...objective } as const
  return runtime.with(request, async (program) => {
    const { uniform } = runtime.context
    const slices: number[] = []
    for (let row = 0; row < rows; row += program.batch) slices.push(Math.min(program.batch, rows - row))
    const seed = streamKey(settings.seed, STREAMS.NOISE)
    slices.forEach((size, slot) => {
      const row = slot * program.batch
      uniform.set(slot, { ...settings, seed, batch: size, row, slot, cursor: 0, scale: 1 / rows })
    })
    uniform.upload(slices.length)
    runtime.writeBuffer(program.executable.buffer(program.status!), 0, new Uint32Array(1))
    for (let slot = 0; slot < slices.length - 1; slot++) {
      runtime.submit(encodeSlice(runtime, program, batch, slot, false))
    }
    const encoder = encodeSlice(runtime, program, batch, slices.length - 1, true)
    return readStep(runtime, program, encoder, slices, output === 'gradients', settings.klWeight)
  })
}

/** Uploads a slice's rows and encodes its dispatches, with the update after the last slice. */
function encodeSlice(
  runtime: ModelRuntime<Network>,
  program: Program,
  { images, noise, noiseWidth, prior, labels, rows }: BatchRows,
  slice: number,
  last: boolean,
): GPUCommandEncoder {
  const { executable, x, batch } = program
  const ofSlice = (data: Float32Array) => {
    const size = (data.length / rows) * batch
    return data.subarray(slice * size, (slice + 1) * size)
  }
  writeRows(runtime, executable.buffer(x!), ofSlice(images), images.length / rows)
  if (noise) writeRows(runtime, executable.buffer(program.noise!), ofSlice(noise), noiseWidth!)
  if (prior) writeRows(runtime, executable.buffer(program.prior!), ofSlice(prior), prior.length / rows)
  if (labels) writeLabels(runtime, program, labels.subarray(slice * batch, (slice + 1) * batch))
  const encoder = runtime.encoder('step')
  const pass = encoder.beginComputePass({ label: 'step' })
  executable.encodeSlice(pass, slice, last)
  pass.end()
  return encoder
}

async function readStep(
  runtime: ModelRuntime<Network>,
  program: Program,
  encoder: GPUCommandEncoder,
  slices: number[],
  withGradients: boolean,
  klWeight: number,
): Promise<{ loss: Loss; gradients: Float32Array }> {
  const { executable, losses, status, gradients } = program
  const lossCount = (losses!.elements / MOST_STEPS) * slices.length
  const ranges = [
    { buffer: executable.buffer(losses!), offsetBytes: 0, sizeBytes: 4 * lossCount },
    { buffer: executable.buffer(status!), offsetBytes: 0, sizeBytes: 4 },
  ]
  if (withGradients) {
    const buffer = runtime.buffer(gradients!.storage as 'gradients' | 'gradient_sum')
    ranges.push({ buffer, offsetBytes: 0, sizeBytes: buffer.size })
  }
  const data = await runtime.readback(encoder, ranges)
  const failed = data[lossCount] !== 0
  const [mean] = meanLosses(data, [slices], program)
  const loss = lossOf(runtime, mean, klWeight)
  const values = data.subarray(lossCount + 1)
  if (failed || !Number.isFinite(loss.total) || !values.every(Number.isFinite)) {
    const arena = gradients!.storage as 'gradients' | 'gradient_sum'
    const named = async () => (withGradients ? runtime.named(values, { trained: true }) : runtime.read(arena))
    const { sentence, tensor } = await findCulprit(runtime, mean, ' is not finite', named)
    throw new NumericError(`${sentence}. The parameters are unchanged. A smaller learning rate usually helps`, tensor)
  }
  return { loss, gradients: values }
}

/** Draws of the prior that the caller hands in. @throws ShapeError, DataError */
function priorRows(given: unknown, rows: number, { discriminator, latent }: Model): Float32Array {
  if (!discriminator) throw new DataError('prior: given to a model without a discriminator; leave it out')
  const Z = sizeOf(latent.output)
  const read = readTensor(given, 'prior')
  const prior = asRows(read.shape ? (read as Tensor) : read.data, [Z], 'prior')
  if (prior.rows !== rows) throw new ShapeError(`prior: has ${prior.rows} rows of ${Z}, needs ${rows}, one an image`)
  checkFinite(prior.data, 'prior', Z)
  return prior.data
}

/**
 * Noise of the caller's as rows, image by image.
 * @param each rows of noise per image
 * @throws ShapeError, DataError
 */
export function noiseRows(
  noise: ReturnType<typeof readTensor>,
  images: number,
  Z: number,
  each: number,
): Float32Array {
  const [first, ...inner] = noise.shape ?? []
  const byImage = inner.length > 1 // one axis, or samples and then steps
  const shape = byImage ? [first, elementCount(inner.slice(0, -1)), inner.at(-1)!] : noise.shape
  const { data, rows } = asRows(shape ? { ...noise, shape } : noise.data, byImage ? [each, Z] : [Z], 'noise')
  const given = byImage ? rows * each : rows
  const needed = images * each
  if (given !== needed) {
    throw new ShapeError(`noise: has ${given} rows of ${Z}, needs ${needed}, ${each === 1 ? 'one' : each} an image`)
  }
  checkFinite(data, 'noise', Z)
  return data
}

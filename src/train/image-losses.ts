import { readFlag, readOptions, readWhole } from '../checks.js'
import { SpecError } from '../errors.js'
import { imageRows, programRows, writeLabels, writeRows } from '../model/inference.js'
import { lossLabelRows, type LabelOptions } from '../model/labels.js'
import { shownParts, totalOf } from '../model/loss-parts.js'
import type { Model } from '../model/model.js'
import type { ModelRuntime, Program } from '../model/runtime.js'
import { padTo4 } from '../ops/dispatch.js'
import { NO_UPDATE } from '../ops/update.js'
import { streamKey, STREAMS } from '../random.js'
import { MOST_STEPS } from '../schedule/step.js'
import { columns, readTensor, type Tensor } from '../tensor.js'
import { readGivenLabels } from './arguments.js'
import { noiseRows } from './step.js'

/** How to take the losses of images. */
export interface LossesOptions extends LabelOptions {
  /** Draws of z per image, 1 unless given; the losses are means over them. */
  samples?: number
  /** Whether to tell where in each image the reconstruction loss lies. */
  perPixel?: boolean
  /**
   * `[batch, latent]`, with samples `[batch, samples, latent]` values of ε; drawn unless given. Of a model with a
   * classifier `[batch · classes, …]`, class by class within an image.
   */
  noise?: Tensor | Float32Array
  /** Of the draws; 0 unless given, so that two calls compare. */
  seed?: number
}

/** The losses of every image, in nats; what each part is, `Loss` says. */
export interface ImageLosses {
  total: Float32Array
  /** −(1/samples) Σ log p(x|z): the anomaly score of An & Cho (2015). */
  reconstruction: Float32Array
  kl: Float32Array
  quantization?: Float32Array
  label?: Float32Array
  classification?: Float32Array
  adversarial?: Float32Array
  real?: Float32Array
  reconstructed?: Float32Array
  sampled?: Float32Array
  /** `[batch, height, width, channels]`: the reconstruction loss where it falls. Only where it was asked for. */
  pixels?: Tensor
}

/** A call's images and options, checked. */
export interface LossesRows {
  images: Float32Array
  count: number
  labels?: Uint32Array
  /** Image by image. */
  noise?: Float32Array
  samples: number
  perPixel: boolean
  seed: number
}

/** Draws that one submission may hold, so that the page stays responsive. */
const DRAWS_PER_SUBMISSION = 8

/** @throws ShapeError, DataError, SpecError */
export function readLosses(runtime: Pick<ModelRuntime, 'model'>, given: unknown, options: unknown): LossesRows {
  const { latent } = runtime.model
  const { samples = 1, perPixel = false, seed = 0, noise, labels } = readOptions<LossesOptions>(options, 'losses', {
    samples: true,
    perPixel: true,
    noise: true,
    seed: true,
    labels: true,
  })
  const read = {
    samples: readWhole(samples, 'losses.samples', 1),
    perPixel: readFlag(perPixel, 'losses.perPixel'),
    seed: readWhole(seed, 'losses.seed', 0),
  }
  if (read.perPixel && runtime.model.discriminator) {
    throw new SpecError('losses.perPixel', 'a model with a discriminator compares no pixels; leave it out')
  }
  if (read.samples > 1 && !latent.isRandom) {
    throw new SpecError('losses.samples', `a ${latent.type} latent has no posterior to draw from`)
  }
  const { data: images, rows: count } = imageRows(runtime, given as Tensor)
  const rows = {
    ...read,
    images,
    count,
    labels: lossLabelRows(runtime.model, readGivenLabels(labels, runtime.model.classes), count),
  }
  if (noise === undefined || latent.noiseWidth === 0) return rows
  const each = read.samples * runtime.model.rowsPerImage({ output: 'losses' })
  const drawn = noiseRows(readTensor(noise, 'noise'), count, latent.noiseWidth, each)
  latent.checkNoise?.(drawn)
  return { ...rows, noise: drawn }
}

/** The losses of every image, means over its draws of z. */
export async function imageLosses(runtime: ModelRuntime, rows: LossesRows): Promise<ImageLosses> {
  const { count, noise, perPixel } = rows
  const request = {
    batch: programRows(count),
    input: { type: 'images' },
    noise: noise ? 'given' : 'drawn',
    output: 'losses',
    ...(perPixel && { perPixel }),
  } as const
  return runtime.with(request, async (program) => {
    const sums = new LossSums(runtime.model, rows)
    for (let first = 0; first < count; first += program.batch) {
      runtime.check()
      await addSlice(runtime, program, rows, first, sums)
    }
    return sums.means()
  })
}

/** Adds all draws of the images from `first` on, as many as the program has rows for. */
async function addSlice(
  runtime: ModelRuntime,
  program: Program,
  { images, labels, noise, count, samples, perPixel, seed }: LossesRows,
  first: number,
  sums: LossSums,
): Promise<void> {
  const { executable, x, lossNames, losses, pixels } = program
  const { noiseWidth, steps = 1 } = runtime.model.latent
  const size = Math.min(program.batch, count - first)
  const width = images.length / count
  writeRows(runtime, executable.buffer(x!), images.subarray(first * width, (first + size) * width), width)
  if (labels) writeLabels(runtime, program, labels.subarray(first, first + size))
  const most = noise ? 1 : DRAWS_PER_SUBMISSION
  for (let draw = 0; draw < samples; draw += most) {
    const draws = Math.min(most, samples - draw)
    if (noise) writeRows(runtime, executable.buffer(program.noise!), noiseOf(noise, draw), noiseWidth)
    const encoder = runtime.encoder('losses')
    encode(runtime, program, encoder, { seed, size, first, draw, draws })
    const sizeBytes = (4 * losses!.elements * draws) / MOST_STEPS
    const ranges = [{ buffer: executable.buffer(losses!), offsetBytes: 0, sizeBytes }]
    const isLast = draw + draws === samples
    if (perPixel && isLast) {
      ranges.push({ buffer: executable.buffer(pixels!), offsetBytes: 0, sizeBytes: 4 * size * padTo4(width) })
    }
    const data = await runtime.readback(encoder, ranges)
    for (let slot = 0; slot < draws; slot++) {
      lossNames.forEach((name, part) => {
        const at = (slot * lossNames.length + part) * program.rows
        sums.add(name, first, data.subarray(at, at + size))
      })
    }
    if (perPixel && isLast) sums.setPixels(first, data.subarray(sizeBytes / 4))
  }

  /** The slice's noise of one draw. */
  function noiseOf(all: Float32Array, draw: number): Float32Array {
    const perImage = all.length / noiseWidth / count / samples // rows of a draw
    const own = all.subarray(first * perImage * samples * noiseWidth, (first + size) * perImage * samples * noiseWidth)
    const together = steps * noiseWidth // a draw of a recurrent model is all of its steps
    return columns(own, (size * perImage) / steps, samples * together, draw * together, together)
  }
}

/** Encodes draws of a slice, each with a slot of the loss ring; an image's draws count up the place in the noise. */
function encode(
  { context: { uniform }, model }: ModelRuntime,
  { executable }: Program,
  encoder: GPUCommandEncoder,
  { seed, size, first, draw, draws }: { seed: number; size: number; first: number; draw: number; draws: number },
): void {
  const { klWeight } = model
  const key = streamKey(seed, STREAMS.EVALUATE)
  const values = { ...NO_UPDATE, batch: size, row: first, cursor: 0, seed: key, scale: 1 / size, klWeight }
  const pass = encoder.beginComputePass({ label: 'losses' })
  for (let slot = 0; slot < draws; slot++) {
    uniform.set(slot, { ...values, slot, counter: draw + slot })
    executable.encodeSlice(pass, slot)
  }
  pass.end()
  uniform.upload(draws)
}

/** Sums over draws, in float64. */
class LossSums {
  private readonly parts: Record<string, Float64Array>
  private readonly pixels: Float32Array | undefined

  constructor(
    private readonly model: Model,
    private readonly rows: Pick<LossesRows, 'count' | 'samples' | 'perPixel' | 'images'>,
  ) {
    const names = model.lossParts.map(({ name }): [string, Float64Array] => [name, new Float64Array(rows.count)])
    this.parts = Object.fromEntries(names)
    if (rows.perPixel) this.pixels = new Float32Array(rows.images.length)
  }

  add(name: string, first: number, values: Float32Array): void {
    const sums = this.parts[name]
    for (let n = 0; n < values.length; n++) sums[first + n] += values[n]
  }

  /** Takes over sums over all draws, in rows padded to whole vectors. */
  setPixels(first: number, padded: Float32Array): void {
    const { images, count } = this.rows
    const width = images.length / count
    this.pixels!.set(columns(padded, padded.length / padTo4(width), padTo4(width), 0, width), first * width)
  }

  means(): ImageLosses {
    const { model, parts, pixels, rows: { count, samples } } = this
    const { klWeight, lossParts, input: { h, w, c } } = model
    const total = Float32Array.from({ length: count }, (_, n) => {
      const means = Object.entries(parts).map(([name, sums]) => [name, sums[n] / samples])
      return totalOf(lossParts, Object.fromEntries(means), klWeight)
    })
    const names = shownParts(lossParts).filter((name) => !lossParts.some((part) => part.name === name && part.over))
    const shown = names.map((name) => [name, Float32Array.from(parts[name], (sum) => sum / samples)])
    const losses = { kl: new Float32Array(count), ...Object.fromEntries(shown), total } as ImageLosses
    if (pixels) losses.pixels = { shape: [count, h, w, c], data: pixels.map((sum) => sum / samples) }
    return losses
  }
}

import { DataError, SpecError } from '../errors.js'
import { padTo4, type PlanTensor } from '../ops/dispatch.js'
import { Random, STREAMS } from '../random.js'
import { asRows, columns, type Tensor } from '../tensor.js'
import { labelRows, type LabelOptions } from './labels.js'
import type { Codes, Posterior } from './latents/latent.js'
import type { Network } from './network.js'
import type { HostOutput, HostTensors } from './pins.js'
import type { PlanRequest } from './request.js'
import type { ModelRuntime, Program } from './runtime.js'

/** What decoding takes besides latents. */
export interface DecodeOptions extends LabelOptions {
  /** Of a recurrent model: the canvas after every step, not after the last alone. */
  everyStep?: boolean
}

/** Rows of the programs that serve the caller's arrays: small ones answer at once, large ones use the device. */
const ROWS = [8, 32, 128, 256, 512]

/** Rows of the program that serves so many. */
export function programRows(rows: number): number {
  return ROWS.find((size) => size >= rows) ?? ROWS.at(-1)!
}

/** @throws ShapeError, DataError */
export async function encode(
  runtime: ModelRuntime,
  images: Tensor | Float32Array,
  options: LabelOptions,
): Promise<Posterior> {
  const { latent } = runtime.model
  const rows = labelled(runtime, imageRows(runtime, images), options)
  const request = { input: { type: 'images' }, noise: 'mean', output: 'posterior' } as const
  const data = await mapRows(runtime, request, rows, 'x', latent.encoded)
  return latent.readPosterior(rows.count, data)
}

/** @throws ShapeError, DataError */
export async function decode(
  runtime: ModelRuntime,
  latents: Tensor | Float32Array | Codes | Uint32Array,
  { everyStep, ...options }: DecodeOptions,
): Promise<Tensor> {
  const { latent } = runtime.model
  const { input, tensor, data, rows: count } = latent.readLatents(latents)
  const rows = labelled(runtime, { data, rows: count }, options)
  const request = { input: { type: input }, noise: 'mean', output: 'images' } as const
  if (!everyStep) return imagesOf(runtime, request, rows, tensor)
  if (latent.steps) return imagesOfSteps(runtime, { ...request, everyStep }, rows, tensor, latent.steps)
  throw new SpecError('decode.everyStep', 'this model draws its images in one step; leave it out, or make a recurrent one')
}

/** Decodes the posterior mean. @throws ShapeError, DataError */
export async function reconstruct(
  runtime: ModelRuntime,
  images: Tensor | Float32Array,
  options: LabelOptions,
): Promise<Tensor> {
  const rows = labelled(runtime, imageRows(runtime, images), options)
  return imagesOf(runtime, { input: { type: 'images' }, noise: 'mean', output: 'images' }, rows, 'x')
}

/** `[batch, classes]` the probability of every class, q(y|x). @throws SpecError without a classifier; ShapeError, DataError */
export async function classify(runtime: ModelRuntime, images: Tensor | Float32Array): Promise<Tensor> {
  const { hasClassifier, classes } = runtime.model
  if (!hasClassifier) throw new SpecError('classify', 'this model has no classifier; give its specification one')
  const { data, rows: count } = imageRows(runtime, images)
  const request = { input: { type: 'images' }, noise: 'mean', output: 'classes' } as const
  const width = padTo4(classes!)
  const [out] = await mapRows(runtime, request, { data, count }, 'x', [{ tensor: 'probabilities', width }])
  return { shape: [count, classes!], data: columns(out, count, width, 0, classes!) }
}

/** Draws from the prior, for `decode`. */
export async function priorLatents(
  runtime: ModelRuntime,
  { count, seed }: { count: number; seed: number },
): Promise<Tensor | Codes> {
  const random = new Random(seed, STREAMS.SAMPLE)
  return runtime.model.latent.prior(count, random, await codeUsage(runtime))
}

/** How often training chose every code in this epoch and the one before it; nothing for a model without codes. */
async function codeUsage(runtime: ModelRuntime): Promise<number[]> {
  const { codebook } = runtime
  if (!codebook) return []
  const { epoch, previous } = codebook.usageFrom(await runtime.readback(runtime.encoder('usage'), codebook.ranges))
  return Array.from(epoch, (times, k) => times + previous[k])
}

/** The caller's images as checked rows: finite, and inside [0, 1] unless the likelihood takes any number. */
export function imageRows({ model }: Pick<ModelRuntime, 'model'>, images: Tensor | Float32Array) {
  const { input, likelihood } = model
  const rows = asRows(images, [input.h, input.w, input.c], 'images')
  checkImages(rows.data, input.h * input.w * input.c, likelihood.isRealValued)
  return rows
}

/** Copies rows into a buffer whose rows are padded to whole vectors. */
export function writeRows(runtime: ModelRuntime<Network>, buffer: GPUBuffer, data: Float32Array, width: number): void {
  const stride = padTo4(width)
  const rows = data.length / width
  let padded = data
  if (stride !== width) {
    padded = new Float32Array(rows * stride)
    for (let n = 0; n < rows; n++) padded.set(data.subarray(n * width, (n + 1) * width), n * stride)
  }
  runtime.writeBuffer(buffer, 0, padded)
}

/** Copies a batch's labels to where a program reads them. */
export function writeLabels(
  runtime: ModelRuntime<Network>,
  { executable, labels }: Program,
  values: Uint32Array,
): void {
  runtime.writeBuffer(executable.buffer(labels!), 0, values)
}

/** Rows of the caller's, with their labels where the model is conditional. */
interface InputRows {
  data: Float32Array
  count: number
  labels?: Uint32Array
}

function labelled(
  { model }: ModelRuntime,
  { data, rows: count }: { data: Float32Array; rows: number },
  { labels }: LabelOptions,
): InputRows {
  return { data, count, labels: labelRows(model, labels, count) }
}

async function imagesOf(
  runtime: ModelRuntime,
  request: Omit<PlanRequest, 'batch'>,
  rows: InputRows,
  input: keyof HostTensors,
): Promise<Tensor> {
  const { h, w, c } = runtime.model.input
  const size = h * w * c
  const stride = padTo4(size)
  const [out] = await mapRows(runtime, request, rows, input, [{ tensor: 'images', width: stride }])
  return { shape: [rows.count, h, w, c], data: stride === size ? out : columns(out, rows.count, stride, 0, size) }
}

/** The images after every step of a recurrent model, `[rows, steps, height, width, channels]`. */
async function imagesOfSteps(
  runtime: ModelRuntime,
  request: Omit<PlanRequest, 'batch'>,
  rows: InputRows,
  input: keyof HostTensors,
  steps: number,
): Promise<Tensor> {
  const { h, w, c } = runtime.model.input
  const size = h * w * c
  const width = padTo4(size)
  const outputs = Array.from({ length: steps }, (_, index): HostOutput => {
    return { tensor: 'images', width, step: { index, of: steps } }
  })
  const data = new Float32Array(rows.count * steps * size)
  const images = await mapRows(runtime, request, rows, input, outputs)
  for (const [t, image] of images.entries()) {
    for (let n = 0; n < rows.count; n++) {
      data.set(image.subarray(n * width, n * width + size), (n * steps + t) * size)
    }
  }
  return { shape: [rows.count, steps, h, w, c], data }
}

/** Runs a program over rows, as many at a time as it has, and reads its outputs, all of them of the same turn. */
async function mapRows(
  runtime: ModelRuntime,
  request: Omit<PlanRequest, 'batch'>,
  { data, count: rows, labels }: InputRows,
  input: keyof HostTensors,
  outputs: readonly HostOutput[],
): Promise<Float32Array[]> {
  const width = data.length / rows
  return runtime.with({ ...request, batch: programRows(rows) }, async (program) => {
    const { executable, batch } = program
    const bufferOf = (name: keyof HostTensors) => executable.buffer(program[name] as PlanTensor)
    const out = outputs.map((output) => new Float32Array(rows * output.width))
    for (let first = 0; first < rows; first += batch) {
      runtime.check()
      const count = Math.min(batch, rows - first)
      writeRows(runtime, bufferOf(input), data.subarray(first * width, (first + count) * width), width)
      if (labels) writeLabels(runtime, program, labels.subarray(first, first + count))
      const encoder = runtime.encoder('infer')
      const pass = encoder.beginComputePass({ label: 'infer' })
      executable.encodeSlice(pass, 0)
      pass.end()
      const ranges = outputs.map(({ tensor, width: outputWidth, step }) => {
        const { elements } = program[tensor] as PlanTensor
        const offsetBytes = step ? (4 * step.index * elements) / step.of : 0
        return { buffer: bufferOf(tensor), offsetBytes, sizeBytes: 4 * count * outputWidth }
      })
      const read = await runtime.readback(encoder, ranges)
      let at = 0
      outputs.forEach((output, i) => {
        const length = count * output.width
        out[i].set(read.subarray(at, at + length), first * output.width)
        at += length
      })
    }
    return out
  })
}

function checkImages(data: Float32Array, size: number, isRealValued: boolean): void {
  const [least, most] = isRealValued ? [-Number.MAX_VALUE, Number.MAX_VALUE] : [0, 1]
  for (let i = 0; i < data.length; i++) {
    const value = data[i]
    if (value >= least && value <= most) continue
    const hint = value > 1 && value <= 255 ? '; divide bytes by 255' : ''
    const where = `image ${Math.floor(i / size)}, value ${i % size}`
    const range = isRealValued ? 'a finite number' : 'a finite number in [0, 1]'
    throw new DataError(`images: ${where} is ${value}, needs ${range}${hint}`)
  }
}

import { DataError, ShapeError } from '../errors.js'
import { padTo4, type PlanTensor } from '../ops/dispatch.js'
import { headWidth } from '../ops/latent.js'
import { Random, STREAMS } from '../random.js'
import { asRows, elementCount, type Tensor } from '../tensor.js'
import type { PlanRequest } from './compile.js'
import { labelRows, type LabelOptions } from './labels.js'
import type { ResolvedQuantizedLatent } from './resolve.js'
import type { ModelRuntime, Program } from './runtime.js'
import { sizeOf } from './shapes.js'

/** The codes of a vector-quantised model: `[batch, height, width]` of its latent image, row-major. */
export interface Codes {
  shape: number[]
  data: Uint32Array
}

/** The posterior q(z|x) of every image. */
export interface Posterior {
  /**
   * `[batch, latent]`; the code itself for a deterministic latent; for a vector-quantised one the vectors of the chosen
   * codes, `[batch, height, width, size]`.
   */
  mean: Tensor
  /** `[batch, latent]`; of a Gaussian latent only. */
  logVariance?: Tensor
  /** Which codes were chosen; of a vector-quantised latent only. */
  codes?: Codes
}

/** Rows of the programs that serve the caller's arrays: small ones answer at once, large ones use the device. */
const ROWS = [8, 32, 128, 256, 512]

/** @throws ShapeError, DataError */
export async function encode(
  runtime: ModelRuntime,
  images: Tensor | Float32Array,
  options: LabelOptions,
): Promise<Posterior> {
  const { model } = runtime
  const Z = sizeOf(model.latent.output)
  const rows = labelled(runtime, imageRows(runtime, images), options)
  if (model.latent.type === 'vector-quantized') return encodeCodes(runtime, rows, model.latent)
  const gaussian = model.latent.type === 'gaussian'
  const width = gaussian ? headWidth(Z) : padTo4(Z)
  const request = { input: { type: 'images' }, noise: 'given', output: 'posterior' } as const
  const head = await mapRows(runtime, request, rows, (program) => [program.x!, program.head!, width])
  const part = (first: number): Tensor => {
    return { shape: [rows.count, Z], data: columns(head, rows.count, width, first, Z) }
  }
  return gaussian ? { mean: part(0), logVariance: part(padTo4(Z)) } : { mean: part(0) }
}

/** @throws ShapeError, DataError */
export async function decode(
  runtime: ModelRuntime,
  latents: Tensor | Float32Array | Codes | Uint32Array,
  options: LabelOptions,
): Promise<Tensor> {
  if (isCodes(latents)) return decodeCodes(runtime, latents)
  const { output } = runtime.model.latent
  const rowShape = output.kind === 'vector' ? [output.size] : [output.h, output.w, output.c]
  const rows = labelled(runtime, asRows(latents, rowShape, 'latents'), options)
  checkFinite(rows.data, 'latents', sizeOf(output))
  const request = { input: { type: 'latents' }, noise: 'given', output: 'images' } as const
  return imagesOf(runtime, request, rows, (program) => program.z!)
}

function isCodes(latents: Tensor | Float32Array | Codes | Uint32Array): latents is Codes | Uint32Array {
  if (latents instanceof Float32Array) return false
  return latents instanceof Uint32Array || latents?.data instanceof Uint32Array
}

/** Decodes the posterior mean. @throws ShapeError, DataError */
export async function reconstruct(
  runtime: ModelRuntime,
  images: Tensor | Float32Array,
  options: LabelOptions,
): Promise<Tensor> {
  const rows = labelled(runtime, imageRows(runtime, images), options)
  // The noise that is "given" is never written and stays zero, so z is the mean.
  const request = { input: { type: 'images' }, noise: 'given', output: 'images' } as const
  return imagesOf(runtime, request, rows, (program) => program.x!)
}

/** The codes of images, and their vectors. */
async function encodeCodes(
  runtime: ModelRuntime,
  rows: InputRows,
  { output: { h, w, c } }: ResolvedQuantizedLatent,
): Promise<Posterior> {
  const request = { input: { type: 'images' }, noise: 'given', output: 'posterior' } as const
  const [P, N] = [h * w, h * w * c]
  const run = (output: 'codes' | 'z', width: number) =>
    mapRows(runtime, request, rows, (program) => [program.x!, program[output]!, padTo4(width)])
  const vectors = await run('z', N)
  const codes = columns(await run('codes', P), rows.count, padTo4(P), 0, P)
  return {
    mean: { shape: [rows.count, h, w, c], data: columns(vectors, rows.count, padTo4(N), 0, N) },
    codes: { shape: [rows.count, h, w], data: new Uint32Array(codes.buffer) },
  }
}

/** @throws ShapeError, DataError */
async function decodeCodes(runtime: ModelRuntime, codes: Codes | Uint32Array): Promise<Tensor> {
  const { latent } = runtime.model
  if (latent.type !== 'vector-quantized') {
    throw new DataError(`latents: are codes, a ${latent.type} model needs a Float32Array or { shape, data: Float32Array }`)
  }
  const { h, w } = latent.output
  const { shape, data } = codes instanceof Uint32Array ? { shape: [codes.length], data: codes } : codes
  const rows = data.length / (h * w)
  if (rows === 0 || !Number.isInteger(rows) || elementCount(shape) !== data.length) {
    throw new ShapeError(`codes: [${shape}] with ${data.length} values, needs [batch, ${h}, ${w}]`)
  }
  const bad = data.findIndex((code) => code >= latent.codes)
  if (bad >= 0) throw new DataError(`codes: number ${bad} is ${data[bad]}, needs a whole number from 0 to ${latent.codes - 1}`)
  const words = new Float32Array(Uint32Array.from(data).buffer)
  const request = { input: { type: 'codes' }, noise: 'given', output: 'images' } as const
  return imagesOf(runtime, request, { data: words, count: rows }, (program) => program.codes!)
}

/** `[count, h, w]` codes drawn one by one by how often training chose them, or alike before any training. */
async function priorCodes(
  runtime: ModelRuntime,
  count: number,
  seed: number,
  { codes: K, output: { h, w } }: ResolvedQuantizedLatent,
): Promise<Codes> {
  const codebook = runtime.codebook!
  const { epoch, previous } = codebook.usageFrom(await runtime.readback(runtime.encoder('usage'), codebook.ranges))
  const counts = Array.from(epoch, (times, k) => times + previous[k])
  const total = counts.reduce((sum, times) => sum + times, 0)
  const random = new Random(seed, STREAMS.SAMPLE)
  const draw = () => {
    if (total === 0) return random.integer(K)
    let left = random.uniform() * total
    return counts.findIndex((times) => (left -= times) < 0)
  }
  return { shape: [count, h, w], data: Uint32Array.from({ length: count * h * w }, draw) }
}

/** Draws from the prior: `[count, latent]` of N(0, 1), or `[count, h, w]` codes by their frequency in training. */
export async function priorLatents(runtime: ModelRuntime, count: number, seed: number): Promise<Tensor | Codes> {
  if (!Number.isInteger(count) || count < 1) throw new DataError(`sample: needs a whole number of images from 1 on, got ${count}`)
  const { latent } = runtime.model
  if (latent.type === 'vector-quantized') return priorCodes(runtime, count, seed, latent)
  const Z = latent.output.size
  const random = new Random(seed, STREAMS.SAMPLE)
  return { shape: [count, Z], data: Float32Array.from({ length: count * Z }, () => random.normal()) }
}

/** The caller's images as checked rows: finite and inside [0, 1]. */
export function imageRows(runtime: ModelRuntime, images: Tensor | Float32Array) {
  const { h, w, c } = runtime.model.input
  const rows = asRows(images, [h, w, c], 'images')
  checkImages(rows.data, h * w * c)
  return rows
}

/** Copies rows into a buffer whose rows are padded to whole vectors. */
export function writeRows(runtime: ModelRuntime, buffer: GPUBuffer, data: Float32Array, width: number): void {
  const stride = padTo4(width)
  const rows = data.length / width
  let padded = data
  if (stride !== width) {
    padded = new Float32Array(rows * stride)
    for (let n = 0; n < rows; n++) padded.set(data.subarray(n * width, (n + 1) * width), n * stride)
  }
  runtime.context.device.queue.writeBuffer(buffer, 0, padded as BufferSource)
}

/** Copies a batch's labels to where a program reads them. */
export function writeLabels(runtime: ModelRuntime, { executable, labels }: Program, values: Uint32Array): void {
  runtime.context.device.queue.writeBuffer(executable.buffer(labels!), 0, values as BufferSource)
}

/** Columns `first` to `first + count − 1` of a row-major matrix. */
export function columns(data: Float32Array, rows: number, width: number, first: number, count: number): Float32Array {
  const out = new Float32Array(rows * count)
  for (let n = 0; n < rows; n++) out.set(data.subarray(n * width + first, n * width + first + count), n * count)
  return out
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
  input: (program: Program) => PlanTensor,
): Promise<Tensor> {
  const { h, w, c } = runtime.model.input
  const size = h * w * c
  const stride = padTo4(size)
  const out = await mapRows(runtime, request, rows, (program) => [input(program), program.images!, stride])
  return { shape: [rows.count, h, w, c], data: stride === size ? out : columns(out, rows.count, stride, 0, size) }
}

/** Runs a program over rows, as many at a time as it has. */
async function mapRows(
  runtime: ModelRuntime,
  request: Omit<PlanRequest, 'batch'>,
  { data, count: rows, labels }: InputRows,
  tensors: (program: Program) => [input: PlanTensor, output: PlanTensor, outputWidth: number],
): Promise<Float32Array> {
  const wanted = ROWS.find((size) => size >= rows) ?? ROWS.at(-1)!
  const width = data.length / rows
  return runtime.with({ ...request, batch: wanted }, async (program) => {
    const { executable, batch } = program
    const [input, output, outputWidth] = tensors(program)
    const out = new Float32Array(rows * outputWidth)
    for (let first = 0; first < rows; first += batch) {
      runtime.check()
      const count = Math.min(batch, rows - first)
      writeRows(runtime, executable.buffer(input), data.subarray(first * width, (first + count) * width), width)
      if (labels) writeLabels(runtime, program, labels.subarray(first, first + count))
      const encoder = runtime.encoder('infer')
      const pass = encoder.beginComputePass({ label: 'infer' })
      executable.encodeSlice(pass, 0)
      pass.end()
      const range = { buffer: executable.buffer(output), offsetBytes: 0, sizeBytes: 4 * count * outputWidth }
      out.set(await runtime.readback(encoder, [range]), first * outputWidth)
    }
    return out
  })
}

function checkImages(data: Float32Array, size: number): void {
  for (let i = 0; i < data.length; i++) {
    const value = data[i]
    if (value >= 0 && value <= 1) continue
    const hint = value > 1 && value <= 255 ? '; divide bytes by 255' : ''
    const where = `image ${Math.floor(i / size)}, value ${i % size}`
    throw new DataError(`images: ${where} is ${value}, needs a finite number in [0, 1]${hint}`)
  }
}

/** @throws DataError naming the first value that is not finite. */
export function checkFinite(data: Float32Array, what: string, width: number): void {
  const bad = data.findIndex((value) => !Number.isFinite(value))
  if (bad < 0) return
  throw new DataError(`${what}: row ${Math.floor(bad / width)}, value ${bad % width} is ${data[bad]}, needs a finite number`)
}

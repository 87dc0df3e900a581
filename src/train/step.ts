import { ShapeError } from '../errors.js'
import { checkFinite, imageRows, writeRows } from '../model/inference.js'
import { meanLosses, type ModelRuntime, type Program } from '../model/runtime.js'
import type { Optimizer } from '../ops/update.js'
import { NumericError } from '../errors.js'
import { streamKey, STREAMS } from '../random.js'
import { asRows, type Tensor } from '../tensor.js'
import { lossOf, type Loss } from './evaluate.js'

/** A batch of the caller's own. */
export interface Batch {
  /** `[batch, height, width, channels]` in [0, 1]. */
  images: Tensor | Float32Array
  /** `[batch, latent]` values of ε; drawn when left out. With it the result is a pure function of its inputs. */
  noise?: Tensor | Float32Array
}

/** The per-step values that a batch does not carry. */
interface StepSettings {
  klWeight: number
  seed: number
  /** Position in the noise stream, where the noise is drawn. */
  counter: number
  rate: number
  rootScale: number
}

/** Runs one step on the caller's batch: losses and gradients, and with an optimiser the update. */
export async function runBatch<T>(
  runtime: ModelRuntime,
  batch: Batch,
  output: 'gradients' | { update: Optimizer },
  settings: StepSettings,
  result: (program: Program, encoder: GPUCommandEncoder, loss: LossRanges) => Promise<T>,
): Promise<T> {
  const { data: images, rows } = imageRows(runtime, batch.images)
  const latent = runtime.model.latent
  const Z = latent.output.size
  const given = batch.noise !== undefined && latent.type === 'gaussian'
  const noise = given ? noiseRows(batch.noise!, rows, Z) : undefined
  const request = { batch: rows, input: { type: 'images' }, noise: given ? 'given' : 'drawn', output } as const
  return runtime.with(request, async (program) => {
    const { executable } = program
    writeRows(runtime, executable.buffer(program.x!), images, images.length / rows)
    if (noise) writeRows(runtime, executable.buffer(program.noise!), noise, Z)
    const { uniform, device } = runtime.context
    const { klWeight, counter, rate, rootScale } = settings
    const seed = streamKey(settings.seed, STREAMS.NOISE)
    uniform.set(0, { batch: rows, slot: 0, cursor: 0, counter, seed, scale: 1 / rows, klWeight, rate, rootScale })
    uniform.upload(1)
    device.queue.writeBuffer(executable.buffer(program.status!), 0, new Uint32Array(1))
    const encoder = runtime.encoder('step')
    const pass = encoder.beginComputePass({ label: 'step' })
    executable.encode(pass, 0)
    pass.end()
    return result(program, encoder, new LossRanges(program, rows, klWeight))
  })
}

/** Where a single step's losses and status lie, and how to read them. */
export class LossRanges {
  constructor(
    private readonly program: Program,
    private readonly batch: number,
    private readonly klWeight: number,
  ) {}

  /** What to read back: the losses, then the status. */
  get ranges() {
    const { executable, losses, status, rows } = this.program
    return [
      { buffer: executable.buffer(losses!), offsetBytes: 0, sizeBytes: 8 * rows },
      { buffer: executable.buffer(status!), offsetBytes: 0, sizeBytes: 4 },
    ]
  }

  /** Number of values that `ranges` reads. */
  get length(): number {
    return 2 * this.program.rows + 1
  }

  /** @throws NumericError when the loss or a gradient was not finite; the parameters are then unchanged. */
  loss(data: Float32Array): Loss {
    const failed = data[2 * this.program.rows] !== 0
    const loss = lossOf(meanLosses(data, 0, this.program.rows, this.batch), this.klWeight)
    if (failed || !Number.isFinite(loss.total)) {
      throw new NumericError(
        `step: ${Number.isFinite(loss.total) ? 'a gradient' : 'the loss'} is not finite; the parameters are unchanged. ` +
          'A smaller learning rate usually helps',
      )
    }
    return loss
  }
}

function noiseRows(noise: Tensor | Float32Array, rows: number, Z: number): Float32Array {
  const { data, rows: noiseRows } = asRows(noise, [Z], 'noise')
  if (noiseRows !== rows) throw new ShapeError(`noise: has ${noiseRows} rows of ${Z}, needs ${rows}, one an image`)
  checkFinite(data, 'noise', Z)
  return data
}

import { DataError } from '../../errors.js'
import { denseBackwardWeight } from '../../ops/dense.js'
import { padTo4, type PlanTensor } from '../../ops/dispatch.js'
import { headWidth } from '../../ops/latent.js'
import { latentStepBackward, latentStepForward } from '../../ops/latent-step.js'
import type { Random } from '../../random.js'
import { asRows, checkFinite, type Tensor } from '../../tensor.js'
import { Heads } from '../latents/heads.js'
import type { Latent, LatentRows, Posterior } from '../latents/latent.js'
import { isCodes } from '../latents/vector.js'
import type { ParameterSpec } from '../parameters.js'
import type { HostOutput, Pins } from '../pins.js'
import type { PlanRequest } from '../request.js'
import { vectorShape, type VectorShape } from '../shapes.js'
import type { UnrolledLstm } from './lstm.js'
import type { Tape, Unrolled } from './unrolled.js'

/** q(z_t|x, z before t) = N(μ, diag exp(logvar)) in every step, prior N(0, 1) in each; all steps share the heads. */
export class StepsLatent implements Latent {
  readonly type = 'gaussian'
  readonly isRandom = true
  readonly hasKlByDimension = false
  readonly lossName = 'kl'
  /** z of all steps, side by side. */
  readonly output: VectorShape
  readonly heads: Heads

  constructor(
    readonly steps: number,
    readonly size: number,
    /** Units of the encoder. */
    units: number,
  ) {
    this.output = vectorShape(steps * size)
    const heads = ['latent.mean', 'latent.log_variance'].map((path) => ({ path, output: vectorShape(size) }))
    this.heads = new Heads(vectorShape(units), heads)
  }

  get noiseWidth(): number {
    return this.size
  }

  get encoded(): HostOutput[] {
    const { steps, heads } = this
    const stepOf = (index: number) => ({ index, of: steps })
    return Array.from({ length: steps }, (_, t) => ({ tensor: 'head', width: heads.width, step: stepOf(t) }))
  }

  parameters(): ParameterSpec[] {
    return this.heads.parameters()
  }

  readPosterior(rows: number, heads: readonly Float32Array[]): Posterior {
    const { steps, size } = this
    const [mean, logVariance] = [0, 1].map((head): Tensor => {
      const data = new Float32Array(rows * steps * size)
      for (const [t, values] of heads.entries()) {
        const columns = this.heads.read(head, rows, values)
        for (let n = 0; n < rows; n++) {
          data.set(columns.subarray(n * size, (n + 1) * size), (n * steps + t) * size)
        }
      }
      return { shape: [rows, steps, size], data }
    })
    return { mean, logVariance }
  }

  /** Every step of a row is padded to whole vectors. */
  readLatents(latents: unknown): LatentRows {
    if (isCodes(latents)) {
      throw new DataError('latents: are codes, a recurrent model needs a Float32Array or { shape, data: Float32Array }')
    }
    const { steps, size } = this
    const { data, rows } = asRows(latents as Tensor | Float32Array, [steps, size], 'latents')
    checkFinite(data, 'latents', steps * size)
    const stride = padTo4(size)
    const padded = new Float32Array(rows * steps * stride)
    for (let i = 0; i < rows * steps; i++) padded.set(data.subarray(i * size, (i + 1) * size), i * stride)
    return { input: 'latents', tensor: 'z', data: padded, rows }
  }

  /** Draws of N(0, 1) for every step. */
  prior(count: number, random: Random): Tensor {
    const { steps, size } = this
    const data = Float32Array.from({ length: count * steps * size }, () => random.normal())
    return { shape: [count, steps, size], data }
  }

  unroll(steps: Unrolled, encoder: UnrolledLstm, decoder: UnrolledLstm): UnrolledLatent {
    return new UnrolledLatent(this, steps, encoder, decoder)
  }
}

/** Where z of a plan comes from, and where its losses go. */
export interface DrawFrame {
  request: PlanRequest
  pins: Pins
  status: PlanTensor
  /** `[slots, 2, lossRows]` */
  losses: PlanTensor
  lossRows: number
}

/** The draws of all steps in a plan: from the encoder's state to what the decoder's product reads. */
class UnrolledLatent {
  /** The output of the heads, over which the backward pass writes its gradient. */
  readonly head: Tape
  private noise: PlanTensor | undefined
  private readonly parameters

  constructor(
    private readonly latent: StepsLatent,
    private readonly unrolled: Unrolled,
    private readonly encoder: UnrolledLstm,
    private readonly decoder: UnrolledLstm,
  ) {
    this.head = unrolled.tape('head', headWidth(latent.size))
    this.parameters = unrolled.arena.span('latent.mean.weight', 'latent.log_variance.bias')
  }

  /** Pushes z of step t, after the encoder's. */
  forward(t: number, frame: DrawFrame): void {
    const { decoder, encoder, head, parameters, shape } = this
    const { request, losses, status, lossRows } = frame
    this.noise ??= this.makeNoise(frame)
    const tensors = { w: parameters.tensor, noise: this.noise, head: head.at(t), y: decoder.x.at(t), losses, status }
    const options = {
      bias: parameters.quadOf('latent.mean.bias'),
      lossRows,
      given: request.input.type === 'latents',
      draw: request.noise === 'drawn',
      sampled: request.sampled === true,
    }
    const states = { encoder: encoder.h.at(t + 1), decoder: decoder.h.at(t) }
    this.unrolled.builder.push(latentStepForward({ ...tensors, ...states }, { ...shape, step: t }, options))
  }

  /** Pushes the gradient by the encoder's state of step t, after the decoder's. */
  backward(t: number): void {
    const { decoder, encoder, head, parameters, shape, noise } = this
    const tensors = { dy: decoder.dx, noise: noise!, w: parameters.tensor, head: head.at(t), dh: encoder.dh }
    this.unrolled.builder.push(latentStepBackward(tensors, { ...shape, step: t }))
  }

  /** Pushes the gradients of the heads' parameters, over all steps. */
  finish(): void {
    const { builder, arena, rows, steps } = this.unrolled
    const { dw, db } = arena.layer('latent.mean', 'latent.log_variance')
    const shape = { B: steps * rows, I: this.encoder.lstm.units, O: headWidth(this.latent.size) }
    builder.push(denseBackwardWeight({ dy: this.head.whole, x: this.encoder.h.from(1), dw, db }, shape))
  }

  /** `[rows, steps, P4(Z)]`: drawn by the kernel, or the host's, where zeros stand for the mean and latents for z. */
  private makeNoise({ request, pins }: DrawFrame): PlanTensor {
    const { rows, steps, builder } = this.unrolled
    const elements = rows * steps * padTo4(this.latent.size)
    if (request.input.type === 'latents') return pins.get('z', elements)
    return request.noise === 'drawn' ? builder.activation('noise', elements) : pins.get('noise', elements)
  }

  private get shape() {
    const { latent, unrolled, encoder, decoder } = this
    const units = { E: encoder.lstm.units, D: decoder.lstm.units }
    return { B: unrolled.rows, Z: latent.size, ...units, steps: unrolled.steps }
  }
}

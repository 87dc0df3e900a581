import { BufferUsage } from '../device/flags.js'
import { allocate } from '../device/memory.js'
import { padTo4 } from '../ops/dispatch.js'
import { toInner } from './layout.js'
import { CODEBOOK } from './latents/vector-quantized.js'
import type { ParameterSpec } from './parameters.js'

/** How often every code was chosen in training: in the epoch so far, and in the one before it. */
export interface CodeUsage {
  epoch: Uint32Array
  previous: Uint32Array
}

/** The moving averages that the codes are made from: how many vectors chose each, and their sum `[codes, size]`. */
export interface CodeAverages {
  count: Float32Array
  mean: Float32Array
}

/** What training keeps about the codes of a vector-quantised model, on the device. */
export class Codebook {
  readonly usage: GPUBuffer
  private readonly previous: GPUBuffer
  private readonly count: GPUBuffer
  private readonly mean: GPUBuffer

  constructor(
    private readonly device: GPUDevice,
    private readonly spec: ParameterSpec,
  ) {
    const [codes] = spec.shape
    this.usage = this.create('usage', codes)
    this.previous = this.create('usage.previous', codes)
    this.count = this.create('codebook.count', padTo4(codes))
    this.mean = this.create('codebook.mean', spec.layout.paddedRows * spec.layout.paddedColumns)
  }

  /** The buffers by the plan's names. */
  get storages(): Record<string, GPUBuffer> {
    return { usage: this.usage, 'codebook.count': this.count, 'codebook.mean': this.mean }
  }

  /** What to read for `usageFrom`, and after it for `averagesFrom`. */
  get ranges() {
    return [this.usage, this.previous, this.count, this.mean].map((buffer) => {
      return { buffer, offsetBytes: 0, sizeBytes: buffer.size }
    })
  }

  usageFrom(data: Float32Array): CodeUsage {
    const [codes] = this.spec.shape
    const words = new Uint32Array(data.slice(0, 2 * codes).buffer)
    return { epoch: words.slice(0, codes), previous: words.slice(codes) }
  }

  averagesFrom(data: Float32Array): CodeAverages {
    const [codes, size] = this.spec.shape
    const first = 2 * codes + padTo4(codes)
    const stride = this.spec.layout.paddedColumns
    const place = (i: number) => first + Math.floor(i / size) * stride + (i % size)
    const mean = Float32Array.from({ length: codes * size }, (_, i) => data[place(i)])
    return { count: data.slice(2 * codes, 3 * codes), mean }
  }

  /** The averages of codes that count once each: what training starts from. */
  begin(codes: Float32Array): void {
    this.writeAverages({ count: new Float32Array(this.spec.shape[0]).fill(1), mean: codes })
  }

  writeAverages({ count, mean }: CodeAverages): void {
    const { queue } = this.device
    queue.writeBuffer(this.count, 0, count as BufferSource)
    queue.writeBuffer(this.mean, 0, toInner(mean, this.spec.layout) as BufferSource)
  }

  writeUsage({ epoch, previous }: CodeUsage): void {
    this.device.queue.writeBuffer(this.usage, 0, epoch as BufferSource)
    this.device.queue.writeBuffer(this.previous, 0, previous as BufferSource)
  }

  /** Counts anew, keeping what was counted until now as the epoch before. */
  beginEpoch(): void {
    const encoder = this.device.createCommandEncoder({ label: 'begin epoch' })
    encoder.copyBufferToBuffer(this.usage, 0, this.previous, 0, this.usage.size)
    encoder.clearBuffer(this.usage)
    this.device.queue.submit([encoder.finish()])
  }

  destroy(): void {
    for (const { buffer } of this.ranges) buffer.destroy()
  }

  private create(label: string, words: number): GPUBuffer {
    const usage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST
    return allocate(this.device, { label, size: 4 * words, usage })
  }
}

/** The codebook of a model that has one. */
export function codebookFor(device: GPUDevice, specs: readonly ParameterSpec[]): Codebook | undefined {
  const spec = specs.find(({ name }) => name === CODEBOOK)
  return spec && new Codebook(device, spec)
}

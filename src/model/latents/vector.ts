import { DataError } from '../../errors.js'
import type { Random } from '../../random.js'
import { asRows, checkFinite, type Tensor } from '../../tensor.js'
import { checkElements } from '../fields.js'
import type { Value } from '../graph.js'
import { vectorOf } from '../layers/view.js'
import type { OrderGroups, Shape, VectorShape } from '../shapes.js'
import { Heads } from './heads.js'
import type { Codes, LatentFrame, LatentRows } from './latent.js'

/** What latents that are vectors of `size` values after dense heads have in common. */
export abstract class VectorLatent {
  readonly heads: Heads
  readonly output: VectorShape

  constructor(
    readonly input: VectorShape,
    size: number,
    groups: OrderGroups,
    others: readonly { path: string; size: number }[] = [],
  ) {
    this.output = groups.add(size, 'plain')
    const rest = others.map(({ path, size: values }) => ({ path, output: groups.add(values, 'plain') }))
    this.heads = new Heads(input, [{ path: 'latent.mean', output: this.output }, ...rest])
  }

  abstract readonly type: string

  get size(): number {
    return this.output.size
  }

  get encoded() {
    return [{ tensor: 'head', width: this.heads.width }] as const
  }

  parameters() {
    return this.heads.parameters()
  }

  posterior(features: Value, { graph, pins }: Pick<LatentFrame, 'graph' | 'pins'>): void {
    pins.show('head', this.heads.forward(features, graph).tensor)
  }

  readLatents(latents: unknown): LatentRows {
    if (isCodes(latents)) {
      throw new DataError(`latents: are codes, a ${this.type} model needs a Float32Array or { shape, data: Float32Array }`)
    }
    const { data, rows } = asRows(latents as Tensor | Float32Array, [this.size], 'latents')
    checkFinite(data, 'latents', this.size)
    return { input: 'latents', tensor: 'z', data, rows }
  }

  /** Draws of N(0, 1). */
  prior(count: number, random: Random): Tensor {
    const { size } = this
    return { shape: [count, size], data: Float32Array.from({ length: count * size }, () => random.normal()) }
  }

  /** One head's values as a tensor `[rows, …shape]`. */
  protected tensor(head: number, rows: number, data: Float32Array): Tensor {
    return { shape: [rows, this.heads.heads[head].output.size], data: this.heads.read(head, rows, data) }
  }
}

/** The encoder's last shape as the vector that heads read. */
export function headInput(size: number, last: Shape, groups: OrderGroups) {
  const { views, vector } = vectorOf(last, 'latent', groups)
  checkElements(size * vector.size, 'latent.size', 'weights of the head')
  return { views, vector }
}

/** Whether the caller's latents are codes. */
export function isCodes(latents: unknown): latents is Codes | Uint32Array {
  if (latents instanceof Float32Array) return false
  return latents instanceof Uint32Array || (latents as Codes | undefined)?.data instanceof Uint32Array
}

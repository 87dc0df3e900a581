import { reflectedKernel } from '../kernels/pipelines.js'
import type { Dispatch, PlanTensor } from '../ops/dispatch.js'

/** A buffer that several activations share, one after another. */
export interface PlanBuffer {
  label: string
  sizeBytes: number
  tensors: PlanTensor[]
}

/** A run of dispatches with a name: `gather`, `forward`, `backward`, `update`. */
export interface PlanSection {
  name: string
  first: number
  count: number
}

/** A model compiled for one batch size: its dispatches, and which buffers their tensors share. No GPU object. */
export class Plan {
  constructor(
    /** In order of execution. */
    readonly dispatches: readonly Dispatch[],
    readonly sections: readonly PlanSection[],
    /** The buffers of the activations; parameters and moments are not counted here. */
    readonly buffers: readonly PlanBuffer[],
    /** Long-lived buffers the dispatches use, by name, with their least size in bytes. */
    readonly storages: Readonly<Record<string, number>>,
  ) {}

  /** GPU memory of the activations, after sharing. */
  get activationBytes(): number {
    return this.buffers.reduce((sum, buffer) => sum + buffer.sizeBytes, 0)
  }

  /** GPU memory of everything the plan touches: activations and long-lived buffers. */
  get totalBytes(): number {
    return Object.values(this.storages).reduce((sum, bytes) => sum + bytes, this.activationBytes)
  }

  /** The largest single activation, in bytes: WebGPU's default limit for a binding is 128 MiB. */
  get largestActivationBytes(): number {
    return Math.max(...this.buffers.map(({ sizeBytes }) => sizeBytes))
  }

  /** A table: dispatch, section, kernel, shape, megaflops, bytes bound. */
  toString(): string {
    const rows = this.dispatches.map((dispatch, i) => [
      String(i + 1),
      this.sections.find(({ first, count }) => i >= first && i < first + count)?.name ?? '',
      dispatch.kernel,
      dispatch.shape,
      dispatch.flops ? (dispatch.flops / 1e6).toFixed(2) : '',
      String([...new Set(Object.values(dispatch.bindings))].reduce((sum, tensor) => sum + 4 * tensor.elements, 0)),
    ])
    const head = ['#', 'section', 'kernel', 'shape', 'MFLOP', 'bytes']
    const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)))
    const line = (row: string[]) =>
      row.map((cell, c) => (c === 0 || c > 3 ? cell.padStart(widths[c]) : cell.padEnd(widths[c]))).join('  ').trimEnd()
    const buffers = this.buffers.length
    const megabytes = (this.activationBytes / 1e6).toFixed(2)
    const foot = `${this.dispatches.length} dispatches; activations share ${buffers} buffers of ${megabytes} MB together`
    return [line(head), ...rows.map(line), foot].join('\n')
  }
}

/** Collects dispatches in order, then lets tensors whose lifetimes do not meet share a buffer. */
export class PlanBuilder {
  private readonly dispatches: Dispatch[] = []
  private readonly sections: PlanSection[] = []
  private readonly pinned = new Set<PlanTensor>()

  /** A tensor that lives from the dispatch that writes it to the last that reads it. */
  activation(name: string, elements: number): PlanTensor {
    return { name, elements, storage: 'activation', offset: 0 }
  }

  /** A part of an activation, from a multiple of 64 elements on. */
  part(whole: PlanTensor, name: string, elements: number, offset: number): PlanTensor {
    return { name, elements, storage: 'activation', offset, part: whole }
  }

  /** An activation that the host writes before the plan runs or reads after it: it keeps a buffer to itself. */
  pin(tensor: PlanTensor): PlanTensor {
    this.pinned.add(tensor)
    return tensor
  }

  /** A part of a long-lived buffer that the plan is given when it is realised. */
  storage(storage: string, name: string, elements: number, offset = 0): PlanTensor {
    return { name, elements, storage, offset }
  }

  /** Everything pushed from here on belongs to that section. */
  begin(name: string): void {
    this.sections.push({ name, first: this.dispatches.length, count: 0 })
  }

  push(...dispatches: Dispatch[]): void {
    this.dispatches.push(...dispatches)
    this.sections.at(-1)!.count += dispatches.length
  }

  build(): Plan {
    const storages: Record<string, number> = {}
    for (const { bindings } of this.dispatches) {
      for (const { storage, offset, elements } of Object.values(bindings)) {
        if (storage === 'activation') continue
        storages[storage] = Math.max(storages[storage] ?? 0, 4 * (offset + elements))
      }
    }
    return new Plan(this.dispatches, this.sections, this.shareBuffers(), storages)
  }

  /** Largest tensors first, each into the smallest buffer that is free during its lifetime. */
  private shareBuffers(): PlanBuffer[] {
    const lifetimes = this.lifetimes()
    const tensors = [...lifetimes.keys()].sort((a, b) => b.elements - a.elements)
    const buffers: PlanBuffer[] = []
    for (const tensor of tensors) {
      const life = lifetimes.get(tensor)!
      const free = buffers.filter((buffer) =>
        buffer.tensors.every((other) => {
          const { first, last } = lifetimes.get(other)!
          return last < life.first || life.last < first
        }),
      )
      const buffer = free.at(-1)   // sorted by size: the last is the smallest, and none is smaller than the tensor
      if (buffer) buffer.tensors.push(tensor)
      else buffers.push({ label: tensor.name, sizeBytes: 4 * tensor.elements, tensors: [tensor] })
    }
    return buffers
  }

  private lifetimes(): Map<PlanTensor, { first: number; last: number }> {
    const lifetimes = new Map<PlanTensor, { first: number; last: number }>()
    this.dispatches.forEach(({ kernel, bindings }, i) => {
      const known = reflectedKernel(kernel).bindings
      for (const [name, bound] of Object.entries(bindings)) {
        if (!(name in known)) throw new Error(`${kernel}: has no binding "${name}"`)
        if (bound.storage !== 'activation') continue
        const tensor = bound.part ?? bound
        const life = lifetimes.get(tensor)
        if (life) life.last = i
        else lifetimes.set(tensor, { first: i, last: i })
      }
    })
    for (const tensor of this.pinned) lifetimes.set(tensor, { first: 0, last: Infinity })
    return lifetimes
  }
}

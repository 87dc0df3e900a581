const CONSTRUCTORS = ['ArrayBuffer', 'Uint8Array', 'Uint16Array', 'Uint32Array', 'Float32Array', 'Float64Array'] as const

/** Counts the bytes of buffers and typed arrays that scripts make, until it is stopped. Views cost nothing. */
export class ByteCounter {
  private total = 0
  private readonly restore: (() => void)[] = []

  constructor() {
    for (const name of CONSTRUCTORS) this.watchConstructor(name)
    this.watchSlice(Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array)
    this.watchSlice(ArrayBuffer.prototype)
  }

  /** Bytes since the last call. */
  take(): number {
    const { total } = this
    this.total = 0
    return total
  }

  stop(): void {
    for (const restore of this.restore) restore()
  }

  private watchConstructor(name: (typeof CONSTRUCTORS)[number]): void {
    const globals = globalThis as unknown as Record<string, new (...args: unknown[]) => ArrayBuffer>
    const original = globals[name]
    globals[name] = new Proxy(original, {
      construct: (target, args: unknown[], newTarget) => {
        const made = Reflect.construct(target, args, newTarget) as ArrayBuffer
        const isView = args[0] instanceof ArrayBuffer || args[0] instanceof SharedArrayBuffer
        if (!isView) this.total += made.byteLength
        return made
      },
    })
    this.restore.push(() => (globals[name] = original))
  }

  private watchSlice(prototype: { slice(start?: number, end?: number): { byteLength: number } }): void {
    const original = prototype.slice
    const count = (bytes: number) => (this.total += bytes)
    prototype.slice = function (this: unknown, ...range: [start?: number, end?: number]) {
      const made = original.apply(this as never, range)
      count(made.byteLength)
      return made
    }
    this.restore.push(() => (prototype.slice = original))
  }
}

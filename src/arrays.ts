/**
 * Typed arrays from outside, as plain ones. A subclass (Node's Buffer), an array of another realm (a frame's), or a view
 * of memory that is shared or can be resized, which WebGPU does not take, comes back as a plain array of the same
 * contents; whatever is no such array as undefined. Proxies are no arrays.
 */
export function floatsOf(value: unknown): Float32Array<ArrayBuffer> | undefined {
  return plain(value, Float32Array, ['Float32Array'])
}

/** `floatsOf` for bytes, clamped or not. */
export function bytesOf(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  return plain(value, Uint8Array, ['Uint8Array', 'Uint8ClampedArray'])
}

/** `floatsOf` for 32-bit words. */
export function wordsOf(value: unknown): Uint32Array<ArrayBuffer> | undefined {
  return plain(value, Uint32Array, ['Uint32Array'])
}

/**
 * Bytes in memory of their own, as a Blob takes them: `Uint8Array<ArrayBuffer>`. Said without the argument, which
 * TypeScript before 5.7 does not know: the declarations serve that too.
 */
export type OwnBytes = ReturnType<Uint8ArrayConstructor['of']>

/** The bytes of a file: a byte array's, or a whole ArrayBuffer's. */
export function fileBytes(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (!isBuffer(value)) return bytesOf(value)
  try {
    return bytesOf(new Uint8Array(value))
  } catch {
    return new Uint8Array(0) // its memory is gone
  }
}

interface Constructor<Plain> {
  new (buffer: ArrayBuffer, offset: number, length: number): Plain
  readonly prototype: object
}

const TYPED_ARRAY = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array
const BUFFERS = typeof SharedArrayBuffer === 'undefined' ? [ArrayBuffer] : [ArrayBuffer, SharedArrayBuffer]
const kindOf = Object.getOwnPropertyDescriptor(TYPED_ARRAY, Symbol.toStringTag)!.get!

function plain<Plain extends { slice(): Plain }>(
  value: unknown,
  constructor: Constructor<Plain>,
  kinds: readonly string[],
): Plain | undefined {
  if (!ArrayBuffer.isView(value) || !kinds.includes(kindOf.call(value))) return undefined
  try {
    const { buffer, byteOffset, length } = value as Uint8Array<ArrayBuffer>
    if (length === 0) return new constructor(new ArrayBuffer(0), 0, 0) // its own memory may be gone
    const isOrdinary = buffer instanceof ArrayBuffer && !('resizable' in buffer && buffer.resizable)
    if (isOrdinary && Object.getPrototypeOf(value) === constructor.prototype) return value as unknown as Plain
    const view = new constructor(buffer, byteOffset, length)
    return isOrdinary ? view : view.slice()
  } catch {
    return undefined
  }
}

/** A buffer of any realm: only on one do the getters of buffers answer. */
function isBuffer(value: unknown): value is ArrayBuffer {
  return BUFFERS.some(({ prototype }) => {
    try {
      return Object.getOwnPropertyDescriptor(prototype, 'byteLength')!.get!.call(value) >= 0
    } catch {
      return false
    }
  })
}

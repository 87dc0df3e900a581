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

/** The bytes of a file: a byte array's, or a whole ArrayBuffer's. */
export function fileBytes(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  const bytes = bytesOf(value)
  if (bytes) return bytes
  try {
    return value instanceof ArrayBuffer || isShared(value) ? bytesOf(new Uint8Array(value)) : undefined
  } catch {
    return undefined // its memory is gone, or it only looks like one
  }
}

interface Constructor<Plain> {
  new (buffer: ArrayBuffer, offset: number, length: number): Plain
  readonly prototype: object
}

const TYPED_ARRAY = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array
const kindOf = Object.getOwnPropertyDescriptor(TYPED_ARRAY, Symbol.toStringTag)!.get!

function plain<Plain extends { slice(): Plain }>(
  value: unknown,
  constructor: Constructor<Plain>,
  kinds: readonly string[],
): Plain | undefined {
  if (!ArrayBuffer.isView(value) || !kinds.includes(kindOf.call(value))) return undefined
  try {
    const { buffer, byteOffset, length } = value as Uint8Array<ArrayBuffer>
    const isOrdinary = buffer instanceof ArrayBuffer && !('resizable' in buffer && buffer.resizable)
    if (isOrdinary && Object.getPrototypeOf(value) === constructor.prototype) return value as unknown as Plain
    const view = new constructor(buffer, byteOffset, length)
    return isOrdinary ? view : view.slice()
  } catch {
    return undefined
  }
}

function isShared(value: unknown): value is SharedArrayBuffer {
  return typeof SharedArrayBuffer !== 'undefined' && value instanceof SharedArrayBuffer
}

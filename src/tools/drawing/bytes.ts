/** Pixels from 0 to 255 as the engine takes them, from 0 to 1. */
export function toFloats(bytes: Uint8Array): Float32Array {
  return Float32Array.from(bytes, (byte) => byte / 255)
}

/** The reverse, rounded; what is beyond 0 and 1, as means of a Gaussian likelihood may be, is cut off there. */
export function toBytes(values: Float32Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(values, (value) => Math.round(255 * Math.min(Math.max(value, 0), 1)))
}

import { FormatError } from '../errors.js'

/**
 * The bytes themselves, or what they hold where they are a gzip file, unpacked by the platform's DecompressionStream.
 * Throws FormatError, which begins with `name`, for a gzip file that is truncated or altered.
 */
export async function unpacked(bytes: Uint8Array | ArrayBuffer, name: string): Promise<Uint8Array> {
  const packed = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)
  if (packed.length < 2 || packed[0] !== 0x1f || packed[1] !== 0x8b) return packed
  try {
    const stream = new Blob([packed as BlobPart]).stream().pipeThrough(new DecompressionStream('gzip'))
    return new Uint8Array(await new Response(stream).arrayBuffer())
  } catch (cause) {
    throw new FormatError(`${name}: the gzip file of ${packed.length} bytes is truncated or altered`, { cause })
  }
}

import { fileBytes } from '../arrays.js'
import { describe } from '../checks.js'
import { FormatError } from '../errors.js'

/** Packed bytes that are unpacked at a time; after each bite the length is looked at. */
const BITE_BYTES = 4096

/** A file of the caller's, gzipped or not, that is unpacked no further than asked for. */
export class PackedFile {
  private readonly bytes: Uint8Array<ArrayBuffer>
  readonly isPacked: boolean

  /** Throws FormatError, as all of it does with `name` at its beginning, for what is neither bytes nor an ArrayBuffer. */
  constructor(file: unknown, private readonly name: string) {
    const bytes = fileBytes(file)
    if (!bytes) throw new FormatError(`${name}: needs a Uint8Array or an ArrayBuffer, got ${describe(file)}`)
    this.bytes = bytes
    this.isPacked = bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b
  }

  /** The first `length` bytes of the content, or all where there are fewer. Throws FormatError for a damaged gzip file. */
  async start(length: number): Promise<Uint8Array> {
    return this.isPacked ? this.unpacked(length, () => {}) : this.bytes.subarray(0, length)
  }

  /**
   * The whole content. Throws FormatError for a gzip file that is truncated, altered, or holds more than `promised` bytes,
   * which are all that is ever unpacked of it: what its own beginning, or its kind, says that there can be.
   */
  async content(promised: number): Promise<Uint8Array> {
    if (!this.isPacked) return this.bytes
    return this.unpacked(promised, () => {
      throw new FormatError(`${this.name}: bytes too many: the gzip file holds more than the ${promised} that it needs`)
    })
  }

  /** Unpacks up to `most` bytes; `onMore` is called where there are more. */
  private async unpacked(most: number, onMore: () => void): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    let length = 0
    const reader = bites(this.bytes).pipeThrough(new DecompressionStream('gzip')).getReader()
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        parts.push(next.value)
        length += next.value.length
        if (length <= most) continue
        onMore()
        break
      }
    } catch (cause) {
      throw cause instanceof FormatError ? cause : this.damaged(cause)
    } finally {
      reader.cancel().catch(() => {}) // rejects where the stream has failed, which has been told
    }
    return joined(parts, Math.min(length, most))
  }

  private damaged(cause: unknown): FormatError {
    const size = this.bytes.length
    return new FormatError(`${this.name}: the gzip file of ${size} bytes is truncated or altered`, { cause })
  }
}

function bites(packed: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at < packed.length) controller.enqueue(packed.slice(at, (at += BITE_BYTES)))
      else controller.close()
    },
  })
}

/** The first `length` bytes of several arrays. */
function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part.subarray(0, length - at), at)
    at = Math.min(at + part.length, length)
  }
  return whole
}

import { convertIndexedToRgb, decode as decodePng, hasPngSignature, type DecodedPng } from 'fast-png'
import { decode as decodeJpeg } from 'jpeg-js'
import { FormatError } from '../../errors.js'

/** A picture of bytes, row-major `[height, width, 3]`. */
export interface Picture {
  width: number
  height: number
  data: Uint8Array
}

/** Larger ones are no images to train on, and a damaged header may ask for any size. */
const MOST_MEGAPIXELS = 100

/**
 * Decodes a PNG file (any depth and colours; how transparent a pixel is counts for nothing) or a JPEG file.
 * @throws FormatError
 */
export function readPicture(bytes: Uint8Array): Picture {
  try {
    if (hasPngSignature(bytes)) return fromPng(decodePng(bytes, { checkCrc: true }))
    const { width, height, data } = decodeJpeg(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: MOST_MEGAPIXELS,
    })
    return { width, height, data }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new FormatError(`is no whole PNG or JPEG file: ${reason}`, { cause })
  }
}

function fromPng(png: DecodedPng): Picture {
  const { width, height } = png
  const values = png.palette ? convertIndexedToRgb(png) : samplesOf(png)
  const channels = values.length / (width * height)
  const data = new Uint8Array(3 * width * height)
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) data[3 * i + c] = values[channels * i + (channels < 3 ? 0 : c)]
  }
  return { width, height, data }
}

/** Bytes of samples of any depth; several of fewer bits lie in one byte, a row beginning with a new one. */
function samplesOf({ width, height, depth, channels, data }: DecodedPng): Uint8Array {
  if (depth === 8) return Uint8Array.from(data)
  if (depth === 16) return Uint8Array.from(data, (value) => value >> 8)
  const most = 2 ** depth - 1
  const rowBytes = Math.ceil((width * channels * depth) / 8)
  return Uint8Array.from({ length: width * height * channels }, (_, i) => {
    const bit = (i % (width * channels)) * depth
    const byte = data[Math.floor(i / (width * channels)) * rowBytes + (bit >> 3)]
    return Math.round((255 * ((byte >> (8 - depth - (bit & 7))) & most)) / most)
  })
}

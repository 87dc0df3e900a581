import { describe, readOptions, readWhole } from '../../checks.js'
import { SpecError } from '../../errors.js'

/** A gated PixelCNN over maps of codes. */
export interface PriorSpec {
  /** Gated layers, 6 unless given. */
  layers: number
  /** Channels of both stacks, 64 unless given. */
  channels: number
  /** Rows and columns of the masked kernels, an odd number, 3 unless given; the first layer's is 7. */
  kernel: number
  /** Number of classes, for one that is conditional on the labels of the data; `sample` then needs labels, too. */
  classes?: number
}

const DEFAULTS = { layers: 6, channels: 64, kernel: 3 } as const

/** More makes no PixelCNN better, and may hang whoever mistook a number. */
const MOST = { layers: 256, channels: 4096, kernel: 63, classes: 255 } as const

/**
 * Reads what a caller or a file says.
 * @param before what fields that are not given are
 * @throws SpecError
 */
export function readPriorSpec(value: unknown, path: string, before: PriorSpec = DEFAULTS): PriorSpec {
  const given = readOptions<PriorSpec>(value, path, { layers: true, channels: true, kernel: true, classes: true })
  const whole = (key: 'layers' | 'channels' | 'kernel') => {
    return given[key] === undefined ? before[key] : readWhole(given[key], `${path}.${key}`, 1, MOST[key])
  }
  const kernel = whole('kernel')
  if (kernel % 2 === 0) {
    const why = 'so that its position is in the middle'
    throw new SpecError(`${path}.kernel`, `needs an odd number, ${why}, got ${describe(kernel)}`)
  }
  const { classes = before.classes } = given
  const network = { layers: whole('layers'), channels: whole('channels'), kernel }
  return { ...network, ...(classes !== undefined && { classes: readWhole(classes, `${path}.classes`, 1, MOST.classes) }) }
}

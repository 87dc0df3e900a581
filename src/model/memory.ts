import { formatBytes } from '../device/memory.js'
import { MemoryError, SpecError } from '../errors.js'
import type { Plan } from '../schedule/plan.js'
import type { ParameterArena } from './arena.js'
import { innerElements } from './layout.js'
import type { VaeSpec } from './spec.js'

/**
 * The arenas of a model: parameters, gradients (and their sum over slices), moments; the best parameters so far, and
 * those that training goes on from while the model holds the best.
 */
export const ARENAS = ['parameters', 'gradients', 'gradient_sum', 'm', 'v', 'best', 'aside'] as const

export type Arena = (typeof ARENAS)[number]

/** A buffer that is to be made. */
export interface PlannedBuffer {
  name: string
  sizeBytes: number
  /** How many alike; 1 unless given. */
  count?: number
  /** What lies in it side by side. */
  tensors?: readonly { name: string; sizeBytes: number }[]
}

const MOST_ROWS = 10

/** All that a model or one of its programs allocates, before any of it is: a table of tensors and bytes. */
export class MemoryPlan {
  constructor(readonly buffers: readonly PlannedBuffer[]) {}

  get sizeBytes(): number {
    return this.buffers.reduce((sum, { sizeBytes, count = 1 }) => sum + count * sizeBytes, 0)
  }

  /**
   * @param mostBytes that one buffer may have
   * @param advice what would fit, found only when it is needed
   * @throws MemoryError with the table when a buffer is larger
   */
  check(who: string, mostBytes: number, advice: () => string): void {
    const large = this.buffers.find(({ sizeBytes }) => sizeBytes > mostBytes)
    if (!large) return
    const needs = `"${large.name}" needs ${formatBytes(large.sizeBytes)}`
    throw new MemoryError(`${who}: ${needs}, this device binds at most ${formatBytes(mostBytes)} at once; ${advice()}\n${this}`)
  }

  /** The largest buffers first, each with its largest tensors. */
  toString(): string {
    const rows = [...this.buffers]
      .sort((a, b) => b.sizeBytes - a.sizeBytes)
      .flatMap(({ name, sizeBytes, count = 1, tensors = [] }): [string, number][] => [
        [count > 1 ? `${name} (${count} × ${sizeBytes.toLocaleString('en-US')})` : name, count * sizeBytes],
        ...[...tensors]
          .sort((a, b) => b.sizeBytes - a.sizeBytes)
          .slice(0, 3)
          .map((tensor): [string, number] => [`  ${tensor.name}`, tensor.sizeBytes]),
      ])
    const shown: [string, number][] = [...rows.slice(0, MOST_ROWS), ['all buffers', this.sizeBytes]]
    const width = Math.max(...shown.map(([name]) => name.length))
    const numbers = shown.map(([, bytes]) => formatBytes(bytes))
    const digits = Math.max(...numbers.map(({ length }) => length))
    return shown.map(([name], i) => `  ${name.padEnd(width)}  ${numbers[i].padStart(digits)}`).join('\n')
  }
}

/** One buffer per arena, with the parameters that lie in it. */
export function arenaBuffers({ specs, placement }: ParameterArena, names: readonly string[]): PlannedBuffer[] {
  const sizeBytes = 4 * placement.elements
  const tensors = specs.map(({ name, shape, layout }) => {
    return { name: `${name} [${shape.join(' × ')}]`, sizeBytes: 4 * innerElements(layout) }
  })
  return names.map((name, i) => (i === 0 ? { name, sizeBytes, tensors } : { name, sizeBytes }))
}

/** The activations of a plan, each buffer under the name of the largest tensor that it holds. */
export function activationBuffers({ buffers }: Plan): PlannedBuffer[] {
  return buffers.map(({ label, sizeBytes }) => ({ name: label, sizeBytes }))
}

/**
 * What would fit in place of a specification that does not: the largest width of the one layer to blame.
 * @param fits answers for a specification, and throws SpecError for one that cannot be
 */
export function fittingSpec(spec: VaeSpec, fits: (spec: VaeSpec) => boolean): string {
  const could = (place: Place, width: number) => {
    try {
      return fits(withWidth(spec, place, width))
    } catch (error) {
      if (error instanceof SpecError) return false
      throw error
    }
  }
  const places = widthsOf(spec).sort((a, b) => b.width - a.width)
  const place = places.find((candidate) => could(candidate, 1))
  if (!place) return 'take smaller images or fewer and narrower layers'
  let [least, most] = [1, place.width]
  while (most - least > 1) {
    const middle = Math.floor((least + most) / 2)
    if (could(place, middle)) least = middle
    else most = middle
  }
  return `${pathOf(place)} of at most ${least} would fit`
}

/** Where a specification says how wide something is: keys from the outside in. */
interface Place {
  keys: readonly (string | number)[]
  width: number
}

const WIDTHS = new Set(['units', 'filters', 'size', 'codes'])

function widthsOf(part: unknown, keys: readonly (string | number)[] = []): Place[] {
  if (typeof part !== 'object' || part === null) return []
  const entries = Array.isArray(part) ? [...part.entries()] : Object.entries(part)
  return entries.flatMap(([key, value]): Place[] => {
    const place = [...keys, key]
    return typeof value === 'number' && WIDTHS.has(String(key)) ? [{ keys: place, width: value }] : widthsOf(value, place)
  })
}

function withWidth(spec: VaeSpec, { keys }: Place, width: number): VaeSpec {
  const copy = structuredClone(spec)
  let part = copy as unknown as Record<string | number, unknown>
  for (const key of keys.slice(0, -1)) part = part[key] as typeof part
  part[keys.at(-1)!] = width
  return copy
}

/** `encoder[0].units` */
function pathOf({ keys }: Place): string {
  return keys.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${key}`)).join('')
}

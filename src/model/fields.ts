import { SpecError } from '../errors.js'

/** Most elements any tensor of a model may have: indices inside the kernels are 32 bits wide. */
export const MAX_ELEMENTS = 2 ** 31

/** An object as JSON has it: no class, no array. @throws SpecError */
export function readObject(value: unknown, path: string, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !isPlain(value)) {
    throw new SpecError(path, `needs ${what} as a plain object, got ${describe(value)}`)
  }
  return value as Record<string, unknown>
}

/** Refuses keys that mean nothing, with the nearest one that does. @throws SpecError with the key's own path */
export function checkKeys(object: Record<string, unknown>, path: string, what: string, keys: readonly string[]): void {
  for (const key of Object.keys(object)) {
    if (object[key] === undefined || keys.includes(key)) continue
    const at = path === '' ? key : `${path}.${key}`
    throw new SpecError(at, `${what} has no "${key}"${suggestion(key, keys)}; its keys are ${keys.join(', ')}`)
  }
}

/** One of a few names. @throws SpecError that lists them */
export function readName<Name extends string>(
  value: unknown,
  path: string,
  what: string,
  names: readonly Name[],
): Name {
  if (names.includes(value as Name)) return value as Name
  const list = names.map((name) => `"${name}"`).join(', ')
  if (typeof value !== 'string') throw new SpecError(path, `needs ${what}, ${list}; got ${describe(value)}`)
  throw new SpecError(path, `there is no ${what} "${value}"${suggestion(value, names)}; there is ${list}`)
}

/** A whole number from `least` on. @throws SpecError */
export function readWhole(value: unknown, path: string, least: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least) {
    throw new SpecError(path, `needs a whole number from ${least} on, got ${describe(value)}`)
  }
  return checkElements(value, path)
}

/** @throws SpecError unless the value is an array (of `length` items, where given) */
export function readArray(value: unknown, path: string, what: string, length?: number): unknown[] {
  if (!Array.isArray(value)) throw new SpecError(path, `needs ${what}, got ${describe(value)}`)
  if (length !== undefined && value.length !== length) {
    throw new SpecError(path, `needs ${what}, got ${value.length} values`)
  }
  return value
}

/**
 * A number of elements that 32-bit indices reach.
 * @param formula for the message: where the number comes from
 * @throws SpecError
 */
export function checkElements(count: number, path: string, formula = ''): number {
  if (count <= MAX_ELEMENTS) return count
  throw new SpecError(path, `would need ${count} values${formula && ` = ${formula}`}, at most 2^31 are possible`)
}

/** What came, for a message. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return 'an array'
  if (typeof value !== 'object') return `a ${typeof value}`
  return isPlain(value) ? 'an object' : `a ${value.constructor?.name ?? 'class instance'}`
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null // `Object.prototype` of any realm
}

function suggestion(word: string, words: readonly string[]): string {
  const distances = words.map((candidate) => editDistance(word.toLowerCase(), candidate))
  const least = Math.min(...distances)
  return least <= Math.max(1, word.length / 3) ? `, did you mean "${words[distances.indexOf(least)]}"?` : ''
}

/** Levenshtein distance: insertions, deletions and replacements from `a` to `b`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1))
    }
    row = next
  }
  return row[b.length]
}

import { ElboError, SpecError } from './errors.js'

// The one list of checks of values from outside: options, specifications, what files say. A reader takes `unknown`, says
// what it needs under a path such as `train.batchSize`, and returns what it has read. An object is read once, into a plain
// copy, so that neither getters nor proxies can answer one thing to the check and another to its use.

/** Most characters that a message quotes of what came. */
const MOST_QUOTED = 200

/** Most items of a list: more than any layer list, shape or schedule has, and soon looked through. */
const MOST_ITEMS = 65_536

/** The keys of an options type, every one of them: a record, so that the compiler misses none. */
export type Keys<Options> = Record<keyof Required<Options>, true>

/**
 * The options of a call: a plain object, or nothing.
 * @returns their values, each still to be read
 * @throws SpecError for anything else, and for keys that mean nothing, with the nearest one that does
 */
export function readOptions<Options>(
  value: unknown,
  path: string,
  keys: Keys<Options>,
): { [Key in keyof Options]?: unknown } {
  if (value === undefined) return {}
  const options = readObject(value, path, 'options')
  checkKeys(options, path, path.split('.').at(-1)!, Object.keys(keys))
  return options as { [Key in keyof Options]?: unknown }
}

/** An object as JSON has it, no class, no array, as a copy. @throws SpecError */
export function readObject(value: unknown, path: string, what: string): Record<string, unknown> {
  if (!isPlain(value)) throw new SpecError(path, `needs ${what} as a plain object, got ${describe(value)}`)
  return guarded(() => ({ ...value }), refusal(path))
}

/** Refuses keys that mean nothing, with the nearest one that does. @throws SpecError with the key's own path */
export function checkKeys(object: Record<string, unknown>, path: string, what: string, keys: readonly string[]): void {
  for (const key of Object.keys(object)) {
    if (object[key] === undefined || keys.includes(key)) continue
    const at = path === '' ? clip(key) : `${path}.${clip(key)}`
    const known = keys.length === 0 ? 'it takes none' : `its keys are ${keys.join(', ')}`
    throw new SpecError(at, `${what} has no "${clip(key)}"${suggestion(key, keys)}; ${known}`)
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
  throw new SpecError(path, `there is no ${what} ${describe(value)}${suggestion(value, names)}; there is ${list}`)
}

/** Whether a value is a whole number in a range: a count, a size, a label, a seed. */
export function isWhole(value: unknown, least = 0, most = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
}

/** A whole number from `least` on, as large as numbers are exact. @throws SpecError */
export function readWhole(value: unknown, path: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
  if (isWhole(value, least, most)) return value
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`
  throw new SpecError(path, `needs a whole number ${range}, got ${describe(value)}`)
}

/** A finite number from 0 on: a weight, a rate, a threshold. @throws SpecError */
export function readWeight(value: unknown, path: string): number {
  if (typeof value === 'number' && value >= 0 && value < Infinity) return value
  throw new SpecError(path, `needs a finite number from 0 on, got ${describe(value)}`)
}

/** @throws SpecError unless the value is true or false */
export function readFlag(value: unknown, path: string): boolean {
  if (typeof value === 'boolean') return value
  throw new SpecError(path, `needs true or false, got ${describe(value)}`)
}

/** @throws SpecError unless the value is a function */
export function readFunction<F extends (...args: never[]) => unknown>(value: unknown, path: string, what: string): F {
  if (typeof value === 'function') return value as F
  throw new SpecError(path, `needs ${what} as a function, got ${describe(value)}`)
}

/** A copy of an array (of `length` items, where given). @throws SpecError for anything else, or too long a list */
export function readArray(value: unknown, path: string, what: string, length?: number): unknown[] {
  return guarded(() => {
    if (!Array.isArray(value)) throw new SpecError(path, `needs ${what}, got ${describe(value)}`)
    const count = value.length
    if (length !== undefined && count !== length) throw new SpecError(path, `needs ${what}, got ${count} values`)
    if (count > MOST_ITEMS) throw new SpecError(path, `needs ${what}, at most ${MOST_ITEMS}, got ${count} values`)
    return Array.from({ length: count }, (_, i) => value[i])
  }, refusal(path))
}

/** Runs what reads a foreign object; what its getters or traps throw becomes the cause of the error that `refuse` makes. */
export function guarded<T>(read: () => T, refuse: (reason: string, options: ErrorOptions) => ElboError): T {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof ElboError) throw cause
    throw refuse(`cannot be read: ${describe(cause)}`, { cause })
  }
}

/** For `guarded`: a SpecError with this path. */
function refusal(path: string): (reason: string, options: ErrorOptions) => SpecError {
  return (reason, options) => new SpecError(path, reason, options)
}

/** What came, for a message: at most 200 characters of it. Never throws. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') return JSON.stringify(clip(value))
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'object') return `a ${typeof value}`
  try {
    if (Array.isArray(value)) return 'an array'
    if (value instanceof Error) return clip(`${value.name}: ${value.message}`)
    if (isPlain(value)) return 'an object'
    const name = clip(String(value.constructor?.name || 'class instance'))
    return `${/^[aeiou]/i.test(name) ? 'an' : 'a'} ${name}`
  } catch {
    return 'an object that cannot be read'
  }
}

/** At most 200 characters of a text that came from outside. */
export function clip(text: string): string {
  return text.length <= MOST_QUOTED ? text : `${text.slice(0, MOST_QUOTED - 1)}…`
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  try {
    if (Array.isArray(value)) return false
    const prototype: unknown = Object.getPrototypeOf(value)
    return prototype === null || Object.getPrototypeOf(prototype) === null // `Object.prototype` of any realm
  } catch {
    return false
  }
}

/** Words longer than this are no slip of the pen. */
const MOST_LETTERS = 40

function suggestion(word: string, words: readonly string[]): string {
  if (word.length > MOST_LETTERS) return ''
  const distances = words.map((candidate) => editDistance(word.toLowerCase(), candidate.toLowerCase()))
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

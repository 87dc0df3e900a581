import { parseArgs } from 'node:util'

/** Something is wrong with the command line itself. */
export class UsageError extends Error {}

/** What may stand on a command line. */
export interface Accepted {
  /** Options that take a value. */
  values: readonly string[]
  /** Options that take none, besides `help`. */
  flags?: readonly string[]
  /** What the one word that stands alone is called in messages; undefined where none may. */
  word?: string
}

/** Every option with its value, an empty one for flags; the word that stands alone under `''`. @throws UsageError */
export function readArguments(args: string[], { values, flags = [], word }: Accepted): Map<string, string> {
  const allFlags = [...flags, 'help']
  const options = {
    ...Object.fromEntries(values.map((name) => [name, { type: 'string' } as const])),
    ...Object.fromEntries(flags.map((name) => [name, { type: 'boolean' } as const])),
    help: { type: 'boolean', short: 'h' } as const,
  }
  const { tokens } = parseArgs({ args, options, strict: false, tokens: true })
  const given = new Map<string, string>()
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (!word) throw new UsageError(`"${token.value}" stands alone; every value follows its --option`)
      if (given.has('')) throw new UsageError(`one ${word} at a time: "${given.get('')}" or "${token.value}"`)
      given.set('', token.value)
    }
    if (token.kind !== 'option') continue
    if (allFlags.includes(token.name)) {
      if (token.value) throw new UsageError(`--${token.name} takes no value`)
      given.set(token.name, '')
    } else if (!values.includes(token.name)) {
      const known = [...values, ...allFlags].map((name) => `--${name}`).join(', ')
      throw new UsageError(`${token.rawName} is unknown; there are ${known}`)
    } else if (!token.value || token.value.startsWith('--')) throw new UsageError(`--${token.name} needs a value`)
    else given.set(token.name, token.value)
  }
  return given
}

/** An option's value, one of some names. @throws UsageError */
export function oneOf<T extends string>(
  given: Map<string, string>,
  option: string,
  names: readonly T[],
): T | undefined {
  const value = given.get(option)
  if (value === undefined || names.includes(value as T)) return value as T | undefined
  throw new UsageError(`--${option}: there is no "${value}"; there are ${names.join(', ')}`)
}

/** An option's value, a whole number from `least` on. @throws UsageError */
export function whole(given: Map<string, string>, option: string, least = 1): number | undefined {
  const value = number(given, option)
  if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return value
  throw new UsageError(`--${option} needs a whole number from ${least} on, got "${given.get(option)}"`)
}

/** An option's value, a number not below 0. @throws UsageError */
export function number(given: Map<string, string>, option: string): number | undefined {
  const text = given.get(option)
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() !== '' && value >= 0 && value < Infinity) return value
  throw new UsageError(`--${option} needs a number not below 0, got "${text}"`)
}

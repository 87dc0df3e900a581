// @ts-check
// The command lines of all commands. Node built-ins only: some are read before anything is installed.
import { parseArgs } from 'node:util'

/** Something is wrong with the command line itself; commands then end with exit code 2. */
export class UsageError extends Error {
  /** @override */
  name = 'UsageError'
}

/**
 * What may stand on a command line.
 *
 * @typedef {object} Accepted
 * @property {readonly string[]} [values] options that take a value: `--out runs/x` or `--out=runs/x`
 * @property {readonly string[]} [flags] options that take none, besides `help`
 * @property {string} [word] what the one word that may stand without an option is called in messages
 * @property {boolean} [words] any number of words may
 */

/**
 * Reads a command line. An option that is given twice has its last value. @throws UsageError
 *
 * @param {string[]} args
 * @param {Accepted} accepted
 */
export function readArguments(args, { values = [], flags = [], word, words = false }) {
  const allFlags = [...flags, 'help']
  /** @type {Record<string, { type: 'string' | 'boolean', short?: string }>} */
  const options = { help: { type: 'boolean', short: 'h' } }
  for (const name of values) options[name] = { type: 'string' }
  for (const name of flags) options[name] = { type: 'boolean' }
  // A negative number is a value, which is refused for what it is, and no option.
  const joined = args.flatMap((arg, i) => {
    if (/^-\d/.test(args[i + 1] ?? '') && values.includes(arg.slice(2))) return [`${arg}=${args[i + 1]}`]
    return /^-\d/.test(arg) && values.includes(args[i - 1]?.slice(2)) ? [] : [arg]
  })
  /** @type {Map<string, string>} */
  const given = new Map()
  /** @type {string[]} */
  const alone = []
  for (const token of parseArgs({ args: joined, options, strict: false, tokens: true }).tokens) {
    if (token.kind === 'positional') {
      if (!word && !words) throw new UsageError(`"${token.value}" stands alone; every value follows its --option`)
      if (word && alone.length > 0) throw new UsageError(`one ${word} at a time: "${alone[0]}" or "${token.value}"`)
      alone.push(token.value)
    }
    if (token.kind !== 'option') continue
    const { name, rawName, value } = token
    if (allFlags.includes(name)) {
      if (value) throw new UsageError(`--${name} takes no value`)
      given.set(name, '')
    } else if (!values.includes(name)) {
      const known = [...values, ...allFlags].map((option) => `--${option}`).join(', ')
      throw new UsageError(`${rawName} is unknown; there are ${known}`)
    } else if (!value || value.startsWith('--')) {
      throw new UsageError(`--${name} needs a value`)
    } else {
      given.set(name, value)
    }
  }
  return new Given(given, alone)
}

/** What a command line says. */
export class Given {
  #values

  /** @param {Map<string, string>} values @param {string[]} words */
  constructor(values, words) {
    this.#values = values
    /** What stands without an option. */
    this.words = words
  }

  /** Whether an option or a flag is there. @param {string} option */
  has(option) {
    return this.#values.has(option)
  }

  /** An option's value as it stands. @param {string} option */
  text(option) {
    return this.#values.get(option)
  }

  /** A value with commas as its parts. @param {string} option */
  list(option) {
    return this.text(option)?.split(',').filter((part) => part !== '')
  }

  /**
   * A value that is one of some names. @throws UsageError
   *
   * @template {string} T
   * @param {string} option
   * @param {readonly T[]} names
   */
  oneOf(option, names) {
    const value = this.text(option)
    const found = names.find((name) => name === value)
    if (value !== undefined && found === undefined) {
      throw new UsageError(`--${option}: there is no "${value}"; there are ${names.join(', ')}`)
    }
    return found
  }

  /** A value that is a whole number from `least` on. @throws UsageError @param {string} option @param {number} [least] */
  whole(option, least = 1) {
    const text = this.text(option)
    return text === undefined ? undefined : wholeNumber(option, text, least)
  }

  /** A list of whole numbers from 1 on. @throws UsageError @param {string} option */
  wholes(option) {
    return this.list(option)?.map((text) => wholeNumber(option, text, 1))
  }

  /** A value that is a number not below 0. @throws UsageError @param {string} option */
  number(option) {
    const text = this.text(option)
    if (text === undefined) return undefined
    const value = Number(text)
    if (text.trim() !== '' && value >= 0 && value < Infinity) return value
    throw new UsageError(`--${option} needs a number not below 0, got "${text}"`)
  }
}

/** @param {string} option @param {string} text @param {number} least */
function wholeNumber(option, text, least) {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value
  throw new UsageError(`--${option} needs a whole number from ${least} on, got "${text}"`)
}

// @ts-check

/**
 * @typedef {object} CommandLine
 * @property {'default' | 'software'} adapter
 * @property {string} filter
 * @property {string[]} presets
 * @property {string} profile
 * @property {boolean} peers
 * @property {number} peerSeconds
 * @property {boolean} quick
 * @property {number} seed
 * @property {string} out
 * @property {boolean} help
 */

export const helpText = `npm run bench [-- options]

Times every kernel at the shapes of the presets, and training steps of the presets, in a headless browser.
Each kernel is verified before it is timed. Prints markdown; a complete run also writes
bench/results/<date>-<adapter>.json.

  --adapter <which>     default: the machine's GPU, where there is none the software adapter; software: SwiftShader
  --presets <a,b>       only these presets: their training steps, and the kernels of their plans
  --filter <text>       only rows whose kernel and shape, or preset, contain the text
  --profile <preset>    one training step, dispatch by dispatch, instead of everything else
  --peers               the same networks with TensorFlow.js and jax-js, which it installs, instead of everything else;
                        completes the JSON of the adapter's last run of the day
  --peer-seconds <n>    most seconds for one of those libraries on one preset (120)
  --quick               a few kernels, few repetitions, the preset mlp: a look, not a measurement
  --seed <number>       of inputs, weights and data (7)
  --out <file>          where to write the JSON, also of a partial run
  --help                this text

After "npm run bench" options need "--" before them: npm run bench -- --quick`

/** @param {string[]} args @returns {CommandLine} @throws on what it does not know or cannot use */
export function parseOptions(args) {
  /** @type {CommandLine} */
  const options = {
    adapter: 'default', filter: '', presets: [], profile: '', peers: false, peerSeconds: 120, quick: false,
    seed: 7, out: '', help: false,
  }
  const rest = args.flatMap((arg) => /^(--[a-z-]+)=(.*)$/s.exec(arg)?.slice(1) ?? [arg])
  /** @param {string} name */
  const value = (name) => {
    const text = rest.shift()
    if (text === undefined || text === '' || text.startsWith('--')) throw new Error(`${name} needs a value; see --help`)
    return text
  }
  while (rest.length > 0) {
    const name = /** @type {string} */ (rest.shift())
    switch (name) {
      case '--adapter':
        options.adapter = oneOf(name, value(name))
        break
      case '--presets':
        options.presets = value(name).split(',').filter((preset) => preset !== '')
        break
      case '--filter':
        options.filter = value(name)
        break
      case '--profile':
        options.profile = value(name)
        break
      case '--peers':
        options.peers = true
        break
      case '--peer-seconds':
        options.peerSeconds = wholeNumber(name, value(name), 1)
        break
      case '--quick':
        options.quick = true
        break
      case '--seed':
        options.seed = wholeNumber(name, value(name))
        break
      case '--out':
        options.out = value(name)
        break
      case '--help':
      case '-h':
        options.help = true
        break
      default:
        throw new Error(`unknown option "${name}"; see --help`)
    }
  }
  if (options.peers && (options.profile || options.filter)) throw new Error('--peers goes with no --profile or --filter')
  return options
}

/** @param {string} name @param {string} text @returns {'default' | 'software'} */
function oneOf(name, text) {
  if (text === 'default' || text === 'software') return text
  throw new Error(`${name} is default or software, not "${text}"`)
}

/** @param {string} name @param {string} text @param {number} [least] */
function wholeNumber(name, text, least = 0) {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text)) && Number(text) >= least) return Number(text)
  throw new Error(`${name} needs a whole number from ${least} on, not "${text}"`)
}

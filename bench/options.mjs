// @ts-check

/**
 * @typedef {object} CommandLine
 * @property {'browser' | 'node'} runtime
 * @property {string} buildOnly
 * @property {'default' | 'software'} adapter
 * @property {string} filter
 * @property {string[]} presets
 * @property {string} profile
 * @property {boolean} peers
 * @property {number} peerSeconds
 * @property {number[]} batches
 * @property {boolean} allTilings
 * @property {boolean} quick
 * @property {number} seed
 * @property {string} out
 * @property {boolean} help
 */

export const helpText = `npm run bench [-- options]

Times every kernel at the shapes of the presets, and training steps of the presets, in a headless browser or in Node.
Each kernel is verified before it is timed, and each step is held against what it has to cost: its dispatches, its
arithmetic and its bytes at the rates measured in the same run. Prints markdown; a complete run also writes
bench/results/<date>-<adapter>.json.

  --runtime <which>     browser; node: Dawn, through the npm package webgpu, which it installs where it finds none
  --adapter <which>     default: the machine's GPU, where there is none the software adapter; software: SwiftShader
  --presets <a,b>       only these presets: their training steps, and the kernels of their plans
  --filter <text>       only rows whose kernel and shape, or preset, contain the text
  --profile <preset>    one training step, dispatch by dispatch, instead of everything else
  --all-tilings         on a software adapter also the tilings that are for hardware
  --peers               the same networks in other libraries instead of everything else: in a browser TensorFlow.js and
                        jax-js, which it installs, in Node PyTorch, of $PYTHON or python3; completes the JSON of the
                        adapter's last run of the day
  --peer-seconds <n>    most seconds for one of the browser's libraries on one preset (120)
  --batches <n,n>       batch sizes of the comparison with PyTorch (32)
  --quick               a few kernels, few repetitions, the preset mlp: a look, not a measurement
  --seed <number>       of inputs, weights and data (7)
  --out <file>          where to write the JSON, also of a partial run
  --build-only <folder> writes the benchmark for Node and runs nothing: node <folder>/bench.mjs then needs only the
                        package webgpu and takes the same options, on a machine without npm or network too
  --help                this text

After "npm run bench" options need "--" before them: npm run bench -- --quick`

/** @param {string[]} args @returns {CommandLine} @throws on what it does not know or cannot use */
export function parseOptions(args) {
  /** @type {CommandLine} */
  const options = {
    runtime: 'browser', buildOnly: '', adapter: 'default', filter: '', presets: [], profile: '', peers: false,
    peerSeconds: 120, batches: [32], allTilings: false, quick: false, seed: 7, out: '', help: false,
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
      case '--runtime':
        options.runtime = oneOf(name, value(name), ['browser', 'node'])
        break
      case '--build-only':
        options.buildOnly = value(name)
        break
      case '--adapter':
        options.adapter = oneOf(name, value(name), ['default', 'software'])
        break
      case '--presets':
        options.presets = list(value(name))
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
      case '--batches':
        options.batches = list(value(name)).map((text) => wholeNumber(name, text, 1))
        break
      case '--all-tilings':
        options.allTilings = true
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

/**
 * @template {string} T
 * @param {string} name
 * @param {string} text
 * @param {T[]} known
 */
function oneOf(name, text, known) {
  const found = known.find((value) => value === text)
  if (found) return found
  throw new Error(`${name} is ${known.join(' or ')}, not "${text}"`)
}

/** @param {string} text */
function list(text) {
  return text.split(',').filter((part) => part !== '')
}

/** @param {string} name @param {string} text @param {number} [least] */
function wholeNumber(name, text, least = 0) {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text)) && Number(text) >= least) return Number(text)
  throw new Error(`${name} needs a whole number from ${least} on, not "${text}"`)
}

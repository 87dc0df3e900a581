// @ts-check
import { readArguments, UsageError } from '../src/tools/arguments.mjs'

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

const accepted = {
  values: [
    'runtime', 'adapter', 'presets', 'filter', 'profile', 'peer-seconds', 'batches', 'seed', 'out', 'build-only',
  ],
  flags: ['all-tilings', 'peers', 'quick'],
}

/** @param {string[]} args @returns {CommandLine} @throws UsageError on what it does not know or cannot use */
export function parseOptions(args) {
  const given = readArguments(args, accepted)
  const options = {
    runtime: given.oneOf('runtime', /** @type {const} */ (['browser', 'node'])) ?? 'browser',
    buildOnly: given.text('build-only') ?? '',
    adapter: given.oneOf('adapter', /** @type {const} */ (['default', 'software'])) ?? 'default',
    filter: given.text('filter') ?? '',
    presets: given.list('presets') ?? [],
    profile: given.text('profile') ?? '',
    peers: given.has('peers'),
    peerSeconds: given.whole('peer-seconds') ?? 120,
    batches: given.wholes('batches') ?? [32],
    allTilings: given.has('all-tilings'),
    quick: given.has('quick'),
    seed: given.whole('seed', 0) ?? 7,
    out: given.text('out') ?? '',
    help: given.has('help'),
  }
  if (options.peers && (options.profile || options.filter)) {
    throw new UsageError('--peers goes with no --profile or --filter')
  }
  return options
}

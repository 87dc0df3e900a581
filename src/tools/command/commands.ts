import { readName } from '../../checks.js'
import { SpecError } from '../../errors.js'
import { UsageError } from '../arguments.mjs'
import { command as exporting } from '../export/command.js'
import { command as decoding } from './decode.js'
import { command as encoding } from './encode.js'
import { command as evaluating } from './evaluate.js'
import { command as telling } from './info.js'
import { command as reconstructing } from './reconstruct.js'
import { command as sampling } from './sample.js'
import { training } from './training.js'

/** One of the words that follow `elbo`. */
interface Command {
  /** What it does, in a line. */
  does: string
  /** Resolves to its exit code; prints its own help where that is asked for. */
  run: (args: string[]) => Promise<number>
}

const COMMANDS: Record<string, Command> = {
  train: { does: 'a model from a preset or a specification', run: training },
  reconstruct: { does: 'images beside what the model makes of them', run: reconstructing },
  encode: { does: 'images to latents, as .npy or .csv', run: encoding },
  decode: { does: 'latents to images, as PNG or .npy', run: decoding },
  sample: { does: 'images drawn from the prior', run: sampling },
  evaluate: { does: "a model's loss over a data set", run: evaluating },
  export: { does: 'a model for PyTorch or ONNX Runtime', run: (args) => exporting(args, 'elbo export') },
  info: { does: 'what a saved model is', run: telling },
}

/** What `elbo --help` prints. */
export function usage(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length))
  const lines = Object.entries(COMMANDS).map(([name, { does }]) => `  ${name.padEnd(width)}  ${does}`)
  return `elbo COMMAND [options]

Variational autoencoders on the GPU, in Node: the npm package webgpu has to be installed beside elbo.

${lines.join('\n')}

elbo COMMAND --help says what it takes, elbo --version which elbo this is.
Exit code: 0 done, 1 failed, 2 wrong options, 130 stopped by Ctrl-C.
`
}

/** How users ask for the help that belongs to a command line. */
export function helpCall([first = '']: string[]): string {
  return Object.hasOwn(COMMANDS, first) ? `elbo ${first} --help` : 'elbo --help'
}

/**
 * Runs what a command line asks for.
 * @param version what `--version` prints
 * @returns the exit code
 * @throws UsageError for a command line that is wrong; whatever the command throws
 */
export async function dispatch([first, ...rest]: string[], version: string): Promise<number> {
  if (first === undefined) throw new UsageError(`which command? There are ${Object.keys(COMMANDS).join(', ')}`)
  if (first === '--version' || first === '-v') {
    console.log(version)
    return 0
  }
  if (['--help', '-h'].includes(first)) {
    console.log(usage())
    return 0
  }
  if (first.startsWith('-')) throw new UsageError(`a command comes first, then its options: elbo COMMAND ${first}`)
  return commandOf(first).run(rest)
}

/** @throws UsageError that names the nearest one */
function commandOf(name: string): Command {
  try {
    return COMMANDS[readName(name, '', 'command', Object.keys(COMMANDS))]
  } catch (error) {
    throw error instanceof SpecError ? new UsageError(error.message) : error
  }
}

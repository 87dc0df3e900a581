import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { UsageError } from '../arguments.mjs'
import { denoRun, findDeno } from '../find-deno.mjs'
import { command } from '../train/command.js'
import { CommandError } from '../train/failure.js'

/** `elbo train`: in this process, or in Deno where that is asked for. Resolves to its exit code. */
export async function training(args: string[]): Promise<number> {
  const at = args.findIndex((arg) => /^--runtime(=|$)/.test(arg))
  const runtime = at < 0 ? 'node' : (args[at].split('=')[1] ?? args[at + 1])
  if (runtime === 'chrome') {
    throw new UsageError('--runtime chrome is of the repository, where npm run train is; the package has node and deno')
  }
  if (runtime === 'deno' && !('Deno' in globalThis)) return inDeno(args)
  return command(args, undefined, 'elbo train')
}

/** Runs this very program in Deno, which ends as it does. @throws CommandError where there is none */
async function inDeno(args: string[]): Promise<number> {
  const deno = await findDeno({
    install: () => Promise.reject(new CommandError('--runtime deno: install Deno 2, or say in DENO_PATH where it is')),
  })
  const { XDG_RUNTIME_DIR = tmpdir() } = process.env // Mesa complains where nobody has logged in
  const env = { ...process.env, XDG_RUNTIME_DIR }
  const child = spawn(deno, [...denoRun, process.argv[1], 'train', ...args], { stdio: 'inherit', env })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve(code ?? 1))
  })
}

// Models exported to PyTorch, run by a Python that has it.
import { execFileSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { programsOf } from '../../src/export/pytorch/folder.js'
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors.js'
import type { Tensor, VaeSpec } from '../../src/index.js'

/** One thread a process: two cores are shared by whatever else runs. */
const env = { ...process.env, OMP_NUM_THREADS: '1' }

let found: string | false | undefined

/** A Python with PyTorch: `PYTHON`, `python3` or Debian's. Where there is none, that is said once and tests do nothing. */
export function pythonWithTorch(): string | undefined {
  if (found === undefined) {
    const candidates = [process.env.PYTHON, 'python3', '/usr/bin/python3'].filter((path) => path !== undefined)
    found = candidates.find(hasTorch) ?? false
    if (!found) console.log(`did not run: no PyTorch in ${candidates.join(', ')} (Debian: python3-torch)`)
  }
  return found || undefined
}

function hasTorch(python: string): boolean {
  try {
    execFileSync(python, ['-c', 'import torch, numpy'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Writes the programs of a specification beside a saved file. */
export async function writeFolder(folder: string, spec: VaeSpec, file: Uint8Array): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'model.safetensors'), file)
  for (const [name, text] of Object.entries(programsOf(spec))) await writeFile(join(folder, name), text)
}

/** Has the exported models of several folders answer their inputs; see exported_model.py. */
export async function runExported(
  python: string,
  inputs: Readonly<Record<string, Record<string, Tensor>>>,
  options: { losses?: boolean } = {},
): Promise<Record<string, Record<string, Tensor>>> {
  const folders = Object.keys(inputs)
  for (const folder of folders) await writeFile(join(folder, 'inputs.safetensors'), writeSafetensors(inputs[folder]))
  runPython(python, ['test/support/exported_model.py', ...(options.losses ? ['--losses'] : []), ...folders])
  const outputs = folders.map(async (folder) => {
    return [folder, readSafetensors(await readFile(join(folder, 'outputs.safetensors'))).tensors] as const
  })
  return Object.fromEntries(await Promise.all(outputs))
}

/** What a Python program prints. @throws with all that it said */
export function runPython(python: string, args: readonly string[], cwd?: string): string {
  try {
    const limits = { maxBuffer: 1 << 26, timeout: 180_000 }
    return execFileSync(python, args, { env, ...(cwd && { cwd }), stdio: 'pipe', ...limits }).toString()
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: Buffer; stderr?: Buffer }
    throw new Error(`python ${args.join(' ')}:\n${stdout ?? ''}${stderr ?? error}`)
  }
}

/** A NumPy file of floats, format version 1. */
export function npy({ shape, data }: Tensor): Uint8Array {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`
  const text = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11) + '\n'
  const head = Buffer.concat([Buffer.from('\x93NUMPY\x01\0', 'latin1'), Buffer.from([text.length & 255, text.length >> 8])])
  return Buffer.concat([head, Buffer.from(text), new Uint8Array(data.buffer, data.byteOffset, data.byteLength)])
}

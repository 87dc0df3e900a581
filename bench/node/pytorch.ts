// Trains the same networks with elbo, here, and with PyTorch, in a process of its own.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeSafetensors } from '../../src/formats/safetensors.js'
import type { Tensor } from '../../src/index.js'
import { summarize } from '../page/timing.js'
import type { Model, Session } from '../peers/page/contestant.js'
import { open } from '../peers/page/elbo.js'
import { modelOf } from '../peers/page/model.js'
import type { PyTorchComparison, PyTorchRow, Timing } from '../results.js'
import { findPython, outputOf } from './python.js'

const PRESETS = ['mlp', 'mlpDeep', 'conditional', 'conv']
const BATCHES = 4
const COMPARED_STEPS = 4
const FULL = { windows: 8, windowMs: 1000, warmUpMs: 500 }
const QUICK = { windows: 4, windowMs: 100, warmUpMs: 50 }

export interface PyTorchOptions {
  /** Empty for all that are compared. */
  presets: string[]
  batches: number[]
  seed: number
  /** One preset, short windows. */
  quick: boolean
}

/** What pytorch.py prints. */
interface Reply extends Omit<PyTorchComparison, 'rows' | 'reason'> {
  ways: Omit<PyTorchRow, 'preset' | 'batch' | 'ratio'>[]
}

/** elbo's windows before and after PyTorch's, preset by preset. */
export async function comparePyTorch(
  { presets, batches, seed, quick }: PyTorchOptions,
  progress: (message: string) => void,
): Promise<PyTorchComparison> {
  const python = await findPython()
  const comparison: PyTorchComparison = 'reason' in python ? { reason: python.reason, rows: [] } : { rows: [] }
  const folder = await mkdtemp(join(tmpdir(), 'elbo-pytorch-'))
  try {
    for (const preset of presets.length > 0 ? presets : quick ? PRESETS.slice(0, 1) : PRESETS) {
      for (const batch of batches) {
        progress(`${preset}, batch ${batch}`)
        const model = modelOf(preset, batch, seed, BATCHES)
        const { rows, place } = await compare(model, 'path' in python ? python.path : undefined, folder, quick)
        Object.assign(comparison, place)
        comparison.rows.push(...rows.map((row) => ({ preset, batch, ...row })))
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return comparison
}

async function compare(model: Model, python: string | undefined, folder: string, quick: boolean) {
  const extent = quick ? QUICK : FULL
  const session = await open(model)
  try {
    const losses: number[] = []
    for (let i = 0; i < COMPARED_STEPS; i++) losses.push(await session.step(i % BATCHES))
    const before = await windowsOf(session, extent)
    const { ways = [], ...place }: Partial<Reply> = python
      ? await runPython(python, model, losses, folder, extent).catch(({ message }) => ({ ways: [failure(message)] }))
      : {}
    const step = joined([...before, ...(await windowsOf(session, extent))])
    const rows = ways.map((way) => ({ ...way, ratio: way.step && way.step.medianMs / step.medianMs }))
    return { rows: [{ way: 'elbo' as const, losses, step, ratio: 1 }, ...rows], place }
  } finally {
    session.close?.()
  }
}

function failure(error: string): Reply['ways'][number] {
  return { way: 'eager', error }
}

/** Half of the windows, after one that warms up. */
async function windowsOf(session: Session, { windows, windowMs, warmUpMs }: typeof FULL) {
  const found: { ms: number; steps: number }[] = []
  for (let i = 0; i < windows / 2; i++) {
    const { steps, elapsedMs } = await session.train({ warmUpMs, windowMs })
    found.push({ ms: elapsedMs / steps, steps })
  }
  return found
}

function joined(windows: { ms: number; steps: number }[]): Timing {
  const steps = windows.reduce((sum, one) => sum + one.steps, 0)
  return summarize(windows.map(({ ms }) => ms), steps / windows.length)
}

async function runPython(
  python: string,
  { spec, optimizer, parameters, batches }: Model,
  losses: number[],
  folder: string,
  { windows, windowMs, warmUpMs }: typeof FULL,
): Promise<Reply> {
  const tensors: Record<string, Tensor> = {}
  for (const [name, tensor] of Object.entries(parameters)) tensors[`parameter.${name}`] = tensor
  for (const [i, { images, noise, labels }] of batches.entries()) {
    Object.assign(tensors, { [`images.${i}`]: images, [`noise.${i}`]: noise })
    if (labels) tensors[`labels.${i}`] = { shape: [labels.length], data: Float32Array.from(labels) }
  }
  const metadata = Object.entries({ spec, optimizer, losses }).map(([key, value]) => [key, JSON.stringify(value)])
  const task = join(folder, 'task.safetensors')
  await writeFile(task, writeSafetensors(tensors, Object.fromEntries(metadata)))
  const script = fileURLToPath(new URL('pytorch.py', import.meta.url))
  const times = ['--windows', windows, '--window-ms', windowMs, '--warm-up-ms', warmUpMs].map(String)
  return JSON.parse(await outputOf(python, [script, task, ...times]))
}

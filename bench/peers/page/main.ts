// Runs in the browser, one library a page: bench/peers/host.mjs calls `peer` and gets everything back as data.
import type { Tensor } from '../../../src/index.js'
import { normalArray } from '../../../test/reference/formula.js'
import type { Counts } from '../results.js'
import type { Contestant, Session, Trained, Window } from './contestant.js'
import { startCounting } from './counting.js'
import { modelOf } from './model.js'

/** What the host asks of a page. */
export interface Page {
  /** From the loaded library to the first loss; then a few more steps and a decoded image, for checking. */
  prepare(task: Task): Promise<Prepared>
  /** Finds how to train fastest. */
  settle(): Promise<string>
  train(window: Pick<Window, 'warmUpMs' | 'windowMs'>): Promise<Trained>
  /** The same while it counts what a step asks of WebGPU. */
  trainCounted(window: Pick<Window, 'warmUpMs' | 'windowMs'>): Promise<Trained & { counts: Counts }>
  /** Decodes again and again for about so long. */
  decode(count: number, leastMs: number): Promise<{ calls: number; elapsedMs: number }>
}

export interface Task {
  /** The module's address. */
  library: string
  preset: string
  batch: number
  seed: number
  /** Steps whose losses are compared, at least two; no more than fit into this time beyond them. */
  steps: number
  patienceMs: number
}

export interface Prepared {
  firstStepMs: number
  /** The last step of those. */
  lastStepMs: number
  counts: Counts
  losses: number[]
  /** Decoded from one latent after two steps. */
  images: number[]
  isSoftware?: boolean
  /** Addresses of the library's files. */
  files: string[]
  adapter: { vendor: string; architecture: string; device: string; description: string }
}

declare global {
  var peer: Page
}

const errors: string[] = []
let session: Session
let latents: (count: number) => Tensor

globalThis.peer = {
  prepare: (task) => explained(() => prepare(task)),

  settle: () => explained(() => session.settle()),

  train: (window) => explained(() => session.train(window)),

  trainCounted: (window) =>
    explained(async () => {
      let stop: (() => Counts) | undefined
      let counts: Counts | undefined
      const trained = await session.train({
        ...window,
        onBegin: () => (stop = startCounting()),
        onEnd: () => (counts = stop?.()),
      })
      return { ...trained, counts: perStep(counts!, trained.steps) }
    }),

  decode: (count, leastMs) =>
    explained(async () => {
      const z = latents(count)
      const start = performance.now()
      let calls = 0
      do {
        await session.decode(z)
        calls++
      } while (performance.now() - start < leastMs)
      return { calls, elapsedMs: performance.now() - start }
    }),
}

async function prepare({ library, preset, batch, seed, steps, patienceMs }: Task): Promise<Prepared> {
  listenForErrors()
  const model = modelOf(preset, batch, seed)
  const Z = model.spec.latent.size
  latents = (count) => ({ shape: [count, Z], data: normalArray(count * Z, seed) })
  const { open }: Contestant = await import(library)
  // Not on the first library's account: this starts the browser's GPU process.
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter) throw new Error('the browser offers no WebGPU adapter')
  const start = performance.now()
  session = await open(model)
  const losses = [await session.step(0)]
  const firstStepMs = performance.now() - start
  let lastStepMs = 0
  let counts: Counts | undefined
  const step = async () => {
    const stop = startCounting()
    const before = performance.now()
    losses.push(await session.step(losses.length))
    lastStepMs = performance.now() - before
    counts = stop()
  }
  await step()
  const images = await session.decode(latents(1))
  while (losses.length < steps && performance.now() - start < patienceMs) await step()
  const resources = performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)
  const folder = library.slice(0, library.lastIndexOf('/') + 1)
  const { vendor, architecture, device, description } = adapter.info
  return {
    firstStepMs,
    lastStepMs,
    counts: counts!,
    losses,
    images: [...images],
    isSoftware: session.isSoftware,
    files: resources.filter((path) => path.startsWith(folder)),
    adapter: { vendor, architecture, device, description },
  }
}

function perStep(counts: Counts, trainedSteps: number): Counts {
  if (counts.dispatches === 0) throw new Error('it does not train on the GPU')
  const perStep = session.dispatchesPerStep?.()
  const steps = perStep === undefined ? trainedSteps : counts.dispatches / perStep
  if (!Number.isInteger(steps)) throw new Error(`${counts.dispatches} dispatches are not steps of ${perStep}`)
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count / steps])) as unknown as Counts
}

/** Libraries let what WebGPU objects to go unheard. */
function listenForErrors(): void {
  const requestDevice = GPUAdapter.prototype.requestDevice
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    const device = await requestDevice.call(this, descriptor)
    device.addEventListener('uncapturederror', ({ error }) => errors.push(`WebGPU: ${error.message}`))
    device.lost.then(({ reason, message }) => reason !== 'destroyed' && errors.push(`the device was lost: ${message}`))
    return device
  }
}

/** What a library did, or the first error behind its failure. */
async function explained<T>(body: () => Promise<T>): Promise<T> {
  try {
    const result = await body()
    if (errors.length === 0) return result
  } catch (error) {
    if (errors.length === 0) throw error
  }
  throw new Error(errors[0])
}

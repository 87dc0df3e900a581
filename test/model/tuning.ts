import * as assert from 'uvu/assert'
import { adam, glyphs, type Vae } from '../../src/index.js'
import { GpuClock } from '../../src/device/clock.js'
import { acquireDevice } from '../../src/device/device.js'
import { Engine } from '../../src/engine.js'
import type { ChoiceStore } from '../../src/kernels/choices.js'
import { PipelineCache } from '../../src/kernels/pipelines.js'
import { Tuner } from '../../src/kernels/tuner.js'
import { Readback } from '../../src/schedule/readback.js'
import { StepUniform } from '../../src/schedule/step.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { hash } from '../reference/formula.js'
import { expectSameParameters, SMALL } from '../support/engine.js'

type Clock = Pick<GpuClock, 'time'>
type Choices = Record<string, string>

const choosing = suite('choosing')
const plans = suite('plans')

const ADAPTER = 'some adapter'
const data = glyphs({ count: 256, seed: 1 })

function memoryStore(choices: Choices = {}): ChoiceStore & { choices: Choices } {
  const store = {
    choices,
    load: async () => store.choices,
    save: async (saved: Choices) => void (store.choices = { ...saved }),
  }
  return store
}

/** Candidates that take so many milliseconds, by a clock of their own; `timed` lists what it was asked to time. */
function candidatesOf(ms: Record<string, number>) {
  const timed: string[] = []
  let ranMs = 0
  const candidates = Object.keys(ms).map((kernel) => ({
    kernel,
    prepare: async () => () => {
      if (ranMs === 0) timed.push(kernel)
      ranMs += ms[kernel]
    },
  }))
  const time: Clock['time'] = async (encode) => {
    ranMs = 0
    encode({} as GPUComputePassEncoder)
    return ranMs
  }
  return { clock: { time } as GpuClock, timed, candidates }
}

const countOf = (list: readonly string[], word: string) => list.filter((each) => each === word).length

choosing('takes the fastest, and what is fixed where the gain is within the noise', async () => {
  const clear = candidatesOf({ fixed: 10, wide: 9.5, shared: 7 })
  assert.is(await new Tuner(clear.clock, ADAPTER, memoryStore()).choose('work', clear.candidates), 'shared')
  const slight = candidatesOf({ fixed: 10, wide: 9.5 })
  assert.is(await new Tuner(slight.clock, ADAPTER, memoryStore()).choose('work', slight.candidates), 'fixed')
})

choosing('drops a candidate more than twice as slow as the best after its first sample', async () => {
  const long = candidatesOf({ fixed: 10, hopeless: 25, stalling: 300 })
  await new Tuner(long.clock, ADAPTER, memoryStore()).choose('work', long.candidates)
  assert.is(countOf(long.timed, 'hopeless'), 2) // the driver may have compiled in the first run
  assert.is(countOf(long.timed, 'stalling'), 1)
})

choosing('does not drop short work for what a single run costs beside it', async () => {
  const short = candidatesOf({ fixed: 0.5, slower: 0.9 })
  await new Tuner(short.clock, ADAPTER, memoryStore()).choose('work', short.candidates)
  assert.is(countOf(short.timed, 'slower'), countOf(short.timed, 'fixed'))
})

choosing('remembers, and does not time the same work again', async () => {
  const store = memoryStore()
  const first = candidatesOf({ fixed: 10, wide: 5 })
  const tuner = new Tuner(first.clock, ADAPTER, store)
  await tuner.choose('work', first.candidates)
  await tuner.remember()
  assert.equal(store.choices, { [`${ADAPTER} work`]: 'wide' })
  const again = candidatesOf({ fixed: 10, wide: 50 })
  assert.is(await new Tuner(again.clock, ADAPTER, store).choose('work', again.candidates), 'wide')
  assert.equal(again.timed, [])
  await new Tuner(again.clock, 'another adapter', store).choose('work', again.candidates)
  assert.ok(again.timed.length > 0)
})

/** Which kernels were compiled, and what every step lost. */
interface Trained {
  vae: Vae
  losses: number[]
  kernels: string[]
}

/** Trains 50 steps on an engine with that tuner. */
async function train(device: GPUDevice, tuner: Tuner | undefined, body: (trained: Trained) => unknown): Promise<void> {
  const context = await acquireDevice({ device })
  const pipelines = new PipelineCache(device)
  const kernels: string[] = []
  const get = pipelines.get.bind(pipelines)
  pipelines.get = (kernel, constants) => {
    kernels.push(kernel)
    return get(kernel, constants)
  }
  const engine = new Engine({
    ...context,
    isSoftware: false, // so that the tilings for hardware run here too
    pipelines,
    tuner,
    uniform: new StepUniform(device),
    readback: new Readback(device),
  })
  try {
    const vae = await engine.createVae(SMALL, { seed: 2 })
    const losses: number[] = []
    const run = vae.train(data, { steps: 50, batchSize: 64, optimizer: adam() })
    for await (const { loss } of run) losses.push(loss.total)
    await body({ vae, losses, kernels })
  } finally {
    engine.destroy()
  }
}

/** The losses with fixed tilings, the model's parameters, and its works with the tilings of each. */
async function trainFixed(device: GPUDevice) {
  const works: [work: string, kernels: string[]][] = []
  let losses: number[] = []
  let parameters: Awaited<ReturnType<Vae['parameters']>> = {}
  await train(device, undefined, async ({ vae, ...trained }) => {
    losses = trained.losses
    parameters = await vae.parameters()
    for (const { kernel, shape, tilings } of vae.plan.dispatches) {
      if (tilings) works.push([`${kernel} ${shape}`, tilings.map((tiling) => tiling.kernel)])
    }
  })
  return { losses, parameters, works }
}

function expectSameLosses(actual: number[], expected: number[]): void {
  assert.is(actual.length, expected.length)
  actual.forEach((loss, i) => {
    const error = Math.abs(loss / expected[i] - 1)
    assert.ok(error < 1e-4, `step ${i + 1}: loss ${loss}, with fixed tilings ${expected[i]}`)
  })
}

for (const word of ['wide', 'shared', 'narrow']) {
  gpuTest(plans, `train with tilings "${word}" as with the fixed ones`, async ({ device }) => {
    const { losses, works } = await trainFixed(device)
    const chosen = works.flatMap(([work, kernels]): [string, string][] => {
      const kernel = kernels.find((each) => each.endsWith(`_${word}`))
      return kernel ? [[`${ADAPTER} ${work}`, kernel]] : []
    })
    const clock = new GpuClock(device)
    const tuner = new Tuner(clock, ADAPTER, memoryStore(Object.fromEntries(chosen)))
    await train(device, tuner, (trained) => {
      assert.ok(chosen.length > 0)
      for (const [, kernel] of chosen) assert.ok(trained.kernels.includes(kernel), `${kernel} was not compiled`)
      expectSameLosses(trained.losses, losses)
    })
    clock.destroy()
  })
}

gpuTest(plans, 'train with tilings taken at random as with the fixed ones', async ({ device }) => {
  const { losses, works } = await trainFixed(device)
  for (const seed of [1, 2]) {
    const chosen = works.map(([work, tilings], i): [string, string] => {
      const kernels = [work.split(' ')[0], ...tilings]
      return [`${ADAPTER} ${work}`, kernels[hash(i, seed) % kernels.length]]
    })
    assert.ok(new Set(chosen.map(([, kernel]) => kernel)).size > 3, 'few kernels were taken')
    const never: Clock['time'] = () => Promise.reject(new Error('was timed'))
    const tuner = new Tuner({ time: never } as GpuClock, ADAPTER, memoryStore(Object.fromEntries(chosen)))
    await train(device, tuner, (trained) => expectSameLosses(trained.losses, losses))
  }
})

gpuTest(plans, 'time their tilings once, and learn the same whatever was chosen', async ({ device }) => {
  const { losses, works } = await trainFixed(device)
  const store = memoryStore()
  const clock = new GpuClock(device)
  // In the usual second and a half a slow adapter times nothing to the end.
  const tuner = new Tuner(clock, ADAPTER, store, 10_000)
  await train(device, tuner, (trained) => expectSameLosses(trained.losses, losses))
  clock.destroy()
  assert.ok(Object.keys(store.choices).length > 0, 'nothing was remembered')
  for (const [work, tilings] of works) {
    const chosen = store.choices[`${ADAPTER} ${work}`]
    if (chosen) assert.ok([work.split(' ')[0], ...tilings].includes(chosen), `${chosen} for ${work}`)
  }

  // Where the time was over before every work was timed, the fixed kernel stands for what is remembered.
  const fixed = Object.fromEntries(works.map(([work]) => [`${ADAPTER} ${work}`, work.split(' ')[0]]))
  const known = { ...fixed, ...store.choices }
  const time: Clock['time'] = () => Promise.reject(new Error('was timed again'))
  await train(device, new Tuner({ time } as GpuClock, ADAPTER, memoryStore(known)), ({ kernels }) => {
    for (const kernel of Object.values(known)) assert.ok(kernels.includes(kernel), `${kernel} was not compiled`)
  })
})

gpuTest(plans, 'without tuning give the same bits twice', async ({ device }) => {
  const first = await trainFixed(device)
  const second = await trainFixed(device)
  assert.equal(second.losses, first.losses)
  expectSameParameters(second.parameters, first.parameters)
})

choosing.run()
plans.run()

// The page that trains: fetches its job's images, trains, reports, draws the pictures, hands the files back.
import { createEngine, dataset, ElboError, NumericError, type Dataset, type Engine, type Run, type TrainEvent } from '../../index.js'
import type { HistoryRow } from './history.js'
import { pytorchParameters } from './initialization.js'
import type { Job, Outcome } from './messages.js'
import { picturesOf } from './pictures.js'

const reportEveryMs = 200

let run: Run | undefined
let stopping = false

globalThis.stopTraining = () => {
  stopping = true
  run?.stop().catch(() => {}) // told by whoever follows the run
}

globalThis.train = async (job) => {
  let engine: Engine | undefined
  try {
    engine = await createEngine({ powerPreference: 'high-performance' })
    if (engine.isSoftware && job.softwareRefusal) return { error: `${adapterName(engine)}: ${job.softwareRefusal}` }
    return await trainOn(engine, job)
  } catch (error) {
    if (error instanceof ElboError) return { error: error.message }
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  } finally {
    engine?.destroy()
  }
}

async function trainOn(engine: Engine, job: Job): Promise<Outcome> {
  const train = await downloadSet('train', job.data)
  const test = await downloadSet('test', job.data)
  const vae = job.resume
    ? await engine.load(await download('resume.safetensors'))
    : await engine.createVae(job.spec, { seed: job.seed })
  if (job.initialization) await vae.setParameters(pytorchParameters(await vae.parameters(), job.seed ?? 0))
  const adapter = adapterName(engine)
  await report({ type: 'ready', adapter, parameterCount: vae.parameterCount })

  const { batchSize, klWeight, epochs, steps, seed, reportEvery, checkpointEvery, binarize, testSamples } = job
  run = vae.train(train, {
    optimizer: job.optimizer,
    batchSize,
    klWeight,
    epochs,
    steps,
    seed,
    binarize,
    importanceSamples: job.importanceSamples,
    validation: test,
    reportEvery,
    checkpoint: checkpointEvery
      ? { everySteps: checkpointEvery, save: (file) => upload('model.safetensors', file as BodyInit) }
      : undefined,
  })
  if (stopping) stopTraining()
  const followed = await follow(run)
  await upload('model.safetensors', await vae.save())

  const { rows, failure } = followed
  const last = rows.at(-1) ?? job.earlier.at(-1)
  const { step, epoch } = last ?? { step: 0, epoch: 1 }
  let tested: HistoryRow | undefined
  if (last?.set === 'train' && !failure) {
    tested = { set: 'test', step, epoch, ...(await vae.evaluate(test, { klWeight, binarize })) }
    rows.push(tested)
  }
  const evaluated = testSamples && !failure
    ? await vae.evaluate(test, { binarize, importanceSamples: testSamples })
    : undefined
  const about = { subject: job.subject, notes: [...job.settings, `${step.toLocaleString('en-US')} steps`, adapter] }
  const pictures = await drawAll(picturesOf(vae, test, [...job.earlier, ...rows], about), failure !== undefined)
  return { step, test: tested, testBound: evaluated?.importanceWeighted, pictures, failure }
}

/** Hands the pictures back, and returns their names; a model that broke off may give no images any more. */
async function drawAll(pictures: Record<string, () => Promise<Blob>>, brokeOff: boolean): Promise<string[]> {
  const drawn: string[] = []
  for (const [name, draw] of Object.entries(pictures)) {
    try {
      await upload(name, await draw())
      drawn.push(name)
    } catch (error) {
      if (!brokeOff) throw error
    }
  }
  return drawn
}

/** Reports a run to its end; what it learned before its loss stopped being finite counts. */
async function follow(run: Run): Promise<{ rows: HistoryRow[]; failure?: string }> {
  const rows: HistoryRow[] = []
  let unreported = 0
  let reportedMs = 0
  const tell = async ({ step, totalSteps, loss, imagesPerSecond }: TrainEvent) => {
    reportedMs = performance.now()
    const news = rows.slice(unreported)
    unreported = rows.length
    await report({ type: 'progress', step, totalSteps, loss: loss.total, imagesPerSecond, rows: news })
  }
  let last: TrainEvent | undefined
  try {
    for await (const event of run) {
      const { step, epoch, loss, validation } = event
      last = event
      rows.push({ set: 'train', step, epoch, ...loss })
      if (validation) rows.push({ set: 'test', step, epoch, ...validation })
      if (validation || performance.now() - reportedMs > reportEveryMs) await tell(event)
    }
    return { rows }
  } catch (error) {
    if (!(error instanceof NumericError)) throw error
    return { rows, failure: error.message }
  } finally {
    if (last && unreported < rows.length) await tell(last)
  }
}

function adapterName({ adapterInfo, isSoftware }: Engine): string {
  const { description, vendor, architecture } = adapterInfo
  const name = description || [vendor, architecture].filter(Boolean).join(' ') || 'unnamed adapter'
  return isSoftware ? `${name} (software adapter, on the CPU)` : name
}

async function downloadSet(name: 'train' | 'test', { shape, labels }: Job['data']): Promise<Dataset<Uint8Array>> {
  const images = await download(`${name}-images`)
  return dataset({ images, shape, labels: labels ? await download(`${name}-labels`) : undefined })
}

async function download(name: string): Promise<Uint8Array> {
  const response = await fetch(name)
  if (!response.ok) throw new Error(`${name}: HTTP ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
}

async function upload(name: string, body: BodyInit): Promise<void> {
  const response = await fetch(name, { method: 'POST', body })
  if (!response.ok) throw new Error(`${name} could not be written: ${await response.text()}`)
}

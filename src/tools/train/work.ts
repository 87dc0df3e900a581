import { pixelValues } from '../../data/dataset.js'
import {
  NumericError, type Dataset, type Engine, type PriorEvaluation, type Run, type TrainEvent, type Vae,
} from '../../index.js'
import { auroc } from './anomaly.js'
import { codesOf } from './codes.js'
import type { HistoryRow } from './history.js'
import { pytorchParameters } from './initialization.js'
import { accuracyOf, classifierAlone, labeledOnly } from './labels.js'
import type { Job, Outcome, Report } from './messages.js'
import type { About } from './sheet.js'

const reportEveryMs = 200

/** A run of whatever events. */
export interface Stoppable {
  stop(): Promise<unknown>
}

/** What a job needs of the page or the process that it runs in. */
export interface Workplace {
  train: Dataset
  test: Dataset
  /** The file that the job goes on from. */
  resumed?: Uint8Array
  /** A saved model on whose codes to train. */
  codes?: Uint8Array
  /** Hands over a run as it begins, to be stopped from outside. */
  begun(run: Stoppable): void
  report(report: Report): Promise<void>
  /** Keeps `model.safetensors`. */
  save(file: Uint8Array): Promise<void>
  /** Draws the pictures of the run, of a model that broke off what can be drawn; returns their names. */
  draw(vae: Vae, rows: readonly HistoryRow[], about: About, brokeOff: boolean, shown: Shown): Promise<string[]>
}

/** What some pictures need besides the model. */
export interface Shown {
  /** How surprising every test image is. */
  scores?: Float32Array
  /** The model on whose codes this one was trained. */
  coder?: Vae
}

/** Trains, reports, saves, evaluates and has the pictures drawn. */
export async function work(engine: Engine, job: Job, place: Workplace): Promise<Outcome> {
  const coder = place.codes ? await engine.load(place.codes) : undefined
  const train = coder ? await codesOf(coder, place.train) : place.train
  const test = coder ? await codesOf(coder, place.test) : place.test
  const vae = place.resumed ? await engine.load(place.resumed) : await engine.createVae(job.spec, { seed: job.seed })
  if (job.initialization) await vae.setParameters(pytorchParameters(await vae.parameters(), job.seed ?? 0))
  const adapter = adapterName(engine)
  await place.report({ type: 'ready', adapter, parameterCount: vae.parameterCount })

  const { batchSize, klWeight, epochs, steps, seed, reportEvery, checkpointEvery, binarize, testSamples } = job
  const run = epochs === 0 ? undefined : vae.train(train, {
    optimizer: job.optimizer,
    batchSize,
    klWeight,
    epochs,
    steps,
    seed,
    binarize,
    importanceSamples: job.importanceSamples,
    labeledPerBatch: job.labeledPerBatch,
    validation: test,
    reportEvery,
    checkpoint: checkpointEvery ? { everySteps: checkpointEvery, save: (file) => place.save(file) } : undefined,
  })
  const { rows, failure: brokeOff, isWhole } = await follow(run, place)
  await place.save(await vae.save())
  const trained = job.prior && isWhole ? await trainPrior(vae, { train, test }, job, place) : undefined
  const failure = brokeOff ?? trained?.failure

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
  const anomalies = job.anomaly && !failure ? await findAnomalies(vae, test, job.anomaly) : undefined
  const asked = { ...job, steps: step }
  const errors = job.labeledPerBatch && !failure ? await testErrors(engine, vae, { train, test }, asked) : undefined
  const about = { subject: job.subject, notes: [...job.settings, `${step.toLocaleString('en-US')} steps`, adapter] }
  const shown = { scores: anomalies?.scores, coder }
  const pictures = await place.draw(vae, [...job.earlier, ...rows], about, failure !== undefined, shown)
  const testBound = evaluated?.importanceWeighted
  const told = { testBound, auroc: anomalies?.auroc, errors, prior: trained?.evaluation }
  return { step, test: tested, ...told, pictures, failure }
}

/** Trains a prior over the codes, and saves it; @returns what the test images' codes cost then. */
async function trainPrior(
  vae: Vae,
  { train, test }: Record<'train' | 'test', Dataset>,
  { prior, batchSize, seed, reportEvery }: Job,
  place: Workplace,
): Promise<{ evaluation?: PriorEvaluation; failure?: string }> {
  const { epochs, network } = prior!
  const run = vae.trainPrior(train, { epochs, network, batchSize, seed, reportEvery, validation: test })
  place.begun(run)
  let reportedMs = 0
  try {
    for await (const { step, totalSteps, epoch, imagesPerSecond, loss, validation } of run) {
      if (!validation && performance.now() - reportedMs < reportEveryMs) continue
      reportedMs = performance.now()
      const testBitsPerCode = validation?.bitsPerCode
      const { bitsPerCode } = loss
      await place.report({ type: 'prior', step, totalSteps, epoch, imagesPerSecond, bitsPerCode, testBitsPerCode })
    }
  } catch (error) {
    if (!(error instanceof NumericError)) throw error
    return { failure: error.message }
  }
  await place.save(await vae.save())
  return { evaluation: await vae.evaluatePrior(test) }
}

/** How surprising every test image is, and how well that tells the class that training has not seen. */
async function findAnomalies(vae: Vae, test: Dataset, { label, samples }: NonNullable<Job['anomaly']>) {
  const options = vae.spec.classes ? { labels: test.labels } : {}
  const { reconstruction: scores } = await vae.losses(pixelValues(test), { ...options, samples })
  return { scores, auroc: auroc(scores, (image) => test.labels![image] === label) }
}

/** Shares of wrong test images: of the model, and of its classifier after as many steps on the known labels alone. */
async function testErrors(
  engine: Engine,
  vae: Vae,
  { train, test }: Record<'train' | 'test', Dataset>,
  { optimizer, batchSize, seed, steps }: Pick<Job, 'optimizer' | 'batchSize' | 'seed' | 'steps'>,
): Promise<Outcome['errors']> {
  const few = labeledOnly(train)
  const alone = await engine.createVae(classifierAlone(vae.spec), { seed })
  await alone.train(few, { optimizer, batchSize: Math.min(batchSize, few.count), steps }).done
  const errorOf = async (model: Vae) => 1 - accuracyOf((await model.classify(pixelValues(test))).data, test.labels!)
  return { model: await errorOf(vae), labelsAlone: await errorOf(alone) }
}

interface Followed {
  rows: HistoryRow[]
  failure?: string
  /** It came to its end. */
  isWhole: boolean
}

/** Reports a run to its end; what it learned before its loss stopped being finite counts. */
async function follow(run: Run | undefined, { report, begun }: Workplace): Promise<Followed> {
  const rows: HistoryRow[] = []
  if (!run) return { rows, isWhole: true }
  begun(run)
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
    return { rows, isWhole: last?.step === last?.totalSteps }
  } catch (error) {
    if (!(error instanceof NumericError)) throw error
    return { rows, failure: error.message, isWhole: false }
  } finally {
    if (last && unreported < rows.length) await tell(last)
  }
}

/** What to call the engine's adapter. */
export function adapterName({ adapterInfo, isSoftware }: Engine): string {
  const { description, vendor, architecture } = adapterInfo
  const name = description || [vendor, architecture].filter(Boolean).join(' ') || 'unnamed adapter'
  return isSoftware ? `${name} (software adapter, on the CPU)` : name
}

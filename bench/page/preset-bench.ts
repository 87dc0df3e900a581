import {
  createEngine, dataset, glyphs, presets, recipes, type Dataset, type Engine, type Recipe, type Vae, type VaeSpec,
} from '../../src/index.js'
import { hash, uniform } from '../../test/reference/formula.js'
import type { BenchOptions, Ceilings, PresetResult, Timing } from '../results.js'
import type { PresetPlan } from './cases.js'
import { costOf, workOf } from './cost.js'
import { summarize } from './timing.js'
import { bytesOf } from './traffic.js'

/** A software adapter would take minutes for a convolutional step of the recipe's batch. */
const MOST_CONV_BATCH_ON_SOFTWARE = 32

/** What a preset is benchmarked with. */
export interface Subject {
  preset: string
  spec: VaeSpec
  recipe: Recipe
  batch: number
  data: Dataset
}

/** The named presets, or all. @throws when there is none of a name */
export function subjectsOf({ presets: wanted, seed, quick }: BenchOptions, isSoftware: boolean): Subject[] {
  const all: Record<string, VaeSpec> = presets
  const unknown = wanted.find((name) => !(name in all))
  if (unknown) throw new Error(`there is no preset "${unknown}"; there are ${Object.keys(all).join(', ')}`)
  const names = wanted.length > 0 ? wanted : quick ? ['mlp'] : Object.keys(all)
  return names.map((preset) => {
    const spec = all[preset]
    const recipe = (recipes as Record<string, Recipe>)[preset]
    const hasConvolutions = [...spec.encoder, ...spec.decoder].some(({ type }) => type.startsWith('conv'))
    const most = isSoftware && hasConvolutions ? MOST_CONV_BATCH_ON_SOFTWARE : Infinity
    const data = trainingSet(spec, quick ? 1000 : 10_000, seed)
    return { preset, spec, recipe, batch: Math.min(recipe.batchSize, most), data }
  })
}

/** Drawn digits where they fit, noise of the right shape elsewhere. */
function trainingSet(spec: VaeSpec, count: number, seed: number): Dataset {
  const { input: [h, w, c], classes } = spec
  if (h === 28 && w === 28 && c === 1) return glyphs({ count, seed })
  const images = Uint8Array.from({ length: count * h * w * c }, (_, i) => hash(i, seed))
  const labels = classes && Uint8Array.from({ length: count }, (_, i) => Math.floor(uniform(i, seed) * classes))
  return dataset({ images, shape: [h, w, c], ...(labels && { labels }) })
}

/** An engine with a model that has made its first step, and how long that took. */
export interface FirstStep {
  engine: Engine
  vae: Vae
  elapsedMs: number
  loss: number
}

/** From a new device to the first loss: pipelines, initial weights and the data's upload included. */
export async function firstStep({ spec, recipe, batch, data }: Subject, seed: number): Promise<FirstStep> {
  const start = performance.now()
  const engine = await createEngine({ powerPreference: 'high-performance' })
  const vae = await engine.createVae(spec, { seed })
  const { loss } = await vae.train(data, { steps: 1, batchSize: batch, optimizer: recipe.optimizer }).done
  return { engine, vae, elapsedMs: performance.now() - start, loss: loss.total }
}

/** The training step of a subject whose first step is made. */
export function planOf({ preset, batch }: Subject, { vae }: FirstStep): PresetPlan {
  return { preset, batch, plan: vae.plan }
}

/** Times first steps on new devices, then training as the application runs it. */
export async function benchPreset(
  subject: Subject,
  cold: FirstStep,
  { seed, quick }: BenchOptions,
  ceilings: Ceilings,
): Promise<PresetResult> {
  const { preset, batch, recipe } = subject
  const again: number[] = []
  for (let i = 0; i < (quick ? 1 : 3); i++) {
    const next = await firstStep(subject, seed)
    again.push(next.elapsedMs)
    next.engine.destroy()
  }
  const { plan } = cold.vae
  const { step, lastLoss } = await steadyTraining(subject, cold.vae, quick)
  if (!(lastLoss < cold.loss)) {
    throw new Error(`${preset}: the loss went from ${cold.loss} to ${lastLoss}; such training is not worth timing`)
  }
  return {
    preset,
    batch,
    recipeBatch: recipe.batchSize,
    parameters: cold.vae.parameterCount,
    dispatches: plan.dispatches.length,
    flops: plan.dispatches.reduce((sum, { flops }) => sum + flops, 0),
    bytes: plan.dispatches.reduce((sum, dispatch) => sum + bytesOf(dispatch), 0),
    memoryBytes: plan.totalBytes,
    firstStepMs: cold.elapsedMs,
    nextFirstStepMs: summarize(again, 1),
    step,
    imagesPerSecond: (1000 * batch) / step.medianMs,
    cost: costOf(workOf(plan.dispatches), ceilings, step.medianMs),
    firstLoss: cold.loss,
    lastLoss,
  }
}

/**
 * Trains in one go and cuts the time into windows. Losses arrive a submission at a time, so a window begins and ends
 * with the arrival of one: what arrived at its beginning is left out, what arrives at its end counts.
 */
async function steadyTraining({ recipe, batch, data }: Subject, vae: Vae, quick: boolean) {
  const [warmUpMs, windowMs, windows, leastSteps] = quick ? [200, 200, 3, 3] : [2000, 1000, 7, 5]
  const samplesMs: number[] = []
  let losses: number[] = []
  let lastLoss = NaN
  const start = performance.now()
  let from: { step: number; atMs: number } | undefined
  let first: number | undefined
  let steps = 0
  const run = vae.train(data, { epochs: 1e6, batchSize: batch, optimizer: recipe.optimizer })
  for await (const { step, loss } of run) {
    const atMs = performance.now()
    first ??= step
    losses.push(loss.total)
    if (from === undefined) {
      if (atMs - start >= warmUpMs && step - first >= leastSteps) from = { step, atMs }
      continue
    }
    if (atMs - from.atMs < windowMs) continue
    samplesMs.push((atMs - from.atMs) / (step - from.step))
    steps += step - from.step
    lastLoss = losses.reduce((sum, value) => sum + value, 0) / losses.length
    losses = []
    from = { step, atMs }
    if (samplesMs.length === windows) break
  }
  const step: Timing = summarize(samplesMs, steps / samplesMs.length)
  return { step, lastLoss }
}

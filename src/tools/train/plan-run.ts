import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { presets } from '../../model/presets.js'
import type { PriorSpec } from '../../model/prior/prior-spec.js'
import type { VaeSpec } from '../../model/spec.js'
import type { Rate } from '../../ops/rates.js'
import type { Optimizer } from '../../ops/update.js'
import { adam } from '../../train/optimizers.js'
import { recipes } from '../../train/recipes.js'
import { UsageError } from '../arguments.mjs'
import type { AnyDataset } from '../datasets.js'
import { hasKl } from '../drawing/grids.js'
import { specOnCodes } from './codes.js'
import { presetOf, type Resumed } from './inputs.js'
import type { Job } from './messages.js'
import type { Options } from './options.js'

const reportEvery = 10
const anomalySamples = 16
const optimizerTitles = { adam: 'Adam', adamw: 'AdamW', rmsprop: 'RMSprop', sgd: 'SGD' }
const settingTitles: Record<string, string> = { learningRate: 'learning rate', clipNorm: 'gradients clipped at norm', weightDecay: 'weight decay' }

/** What a run begins with: a saved model, or a specification from a file; neither where the options name a preset. */
export interface Beginning {
  resumed?: Resumed
  spec?: VaeSpec
  /** Of the model whose codes are the data. */
  codes?: { size: number; spec: VaeSpec }
}

/** Puts together what the page is to do: what was asked for, then what is saved, then the preset's recipe. */
export function planRun(options: Options, data: AnyDataset, { resumed, spec: given, codes }: Beginning): Job {
  const preset = options.preset ?? resumed?.preset ?? (given && presetOf(given))
  if (resumed && options.preset && resumed.preset !== options.preset) {
    throw new UsageError(`--resume: the saved model is ${resumed.preset ?? 'no preset'}, not --preset ${options.preset}`)
  }
  const plain = resumed?.model.spec ?? given ?? presets[preset!]
  if (codes && plain.decoder.at(-1)?.type !== 'dense') {
    throw new UsageError(`--codes: --preset ${preset} ends in no dense layer, which codes need; take semiSupervised or mlp`)
  }
  const spec = codes ? specOnCodes(plain, codes.size) : plain
  const recipe = preset ? recipes[preset] : { optimizer: adam(), batchSize: 100 }
  const saved = resumed?.training?.state.optimizer
  const optimizer = options.optimizer ?? saved ?? recipe.optimizer
  if (saved && saved.type !== optimizer.type) {
    throw new UsageError(`--resume: the saved run uses ${inWords(saved)}, asked for is ${inWords(optimizer)}`)
  }
  const batchSize = options.batch ?? recipe.batchSize
  if (batchSize > data.train.count) {
    throw new UsageError(`--batch ${batchSize} is more than the ${data.train.count} training images`)
  }
  const { input } = codes?.spec ?? spec
  if (String(data.train.shape) !== String(input)) {
    const [came, needed] = [data.train.shape, input].map((shape) => shape.join(' × '))
    throw new UsageError(codes
      ? `--codes: the model takes images of ${needed}, the data has ${came}`
      : `--data: images are ${came}, the model needs ${needed}`)
  }
  const hasLabels = Boolean(data.train.labels && data.test.labels)
  if (spec.classes && !hasLabels) throw new UsageError('--data: the model is conditional and needs labels')
  if (options.labels !== undefined && !spec.classifier) {
    throw new UsageError('--labels: the model has no classifier; take --preset semiSupervised')
  }
  if (options.priorEpochs && spec.latent.type !== 'vector-quantized') {
    throw new UsageError('--prior-epochs: the model has no codes; take --preset vectorQuantized')
  }
  const prior = options.priorEpochs && { epochs: options.priorEpochs, network: networkOf(options) }
  const anomaly = options.anomaly === undefined
    ? undefined
    : { label: options.anomaly, samples: options.samples ?? anomalySamples }
  const klWeight = options.klWeight ?? spec.klWeight ?? 1
  const seed = options.seed ?? (resumed ? undefined : 0)
  return {
    spec,
    resume: resumed !== undefined,
    seed,
    optimizer,
    batchSize,
    klWeight,
    epochs: options.epochs,
    steps: options.steps,
    anomaly,
    codes: codes !== undefined,
    ...(prior && { prior }),
    labeledPerBatch: options.labels && Math.min(options.labels, Math.ceil(batchSize / 2)),
    reportEvery,
    checkpointEvery: options.checkpointEvery ?? Math.ceil(data.train.count / batchSize),
    data: { shape: data.train.shape, labels: hasLabels, real: data.train.images instanceof Float32Array },
    subject: `${nameOf(options, preset)} on ${codes ? `${codes.size} codes of ` : ''}${data.name}`,
    settings: [
      inWords(optimizer),
      `batch ${batchSize}`,
      ...(anomaly ? [`without class ${anomaly.label}`, `score of ${anomaly.samples} draws`] : []),
      ...(prior ? [priorInWords(prior)] : []),
      ...(options.labels ? [`${options.labels} labels known`] : []),
      ...(hasKl(spec) ? [`KL weight ${klWeight}`] : []),
      `seed ${seed ?? resumed?.training?.state.seed ?? resumed?.seed}`,
    ],
    earlier: resumed?.rows ?? [],
  }
}

/** What the command line says of a prior's network. */
function networkOf({ priorLayers: layers, priorChannels: channels }: Options): Partial<PriorSpec> {
  return { ...(layers && { layers }), ...(channels && { channels }) }
}

/** `then 5 epochs of a prior of 4 layers, of 24 channels` */
function priorInWords({ epochs, network }: NonNullable<Job['prior']>): string {
  const size = Object.entries(network).map(([name, value]) => ` of ${value} ${name}`)
  return `then ${epochs === 1 ? 'an epoch' : `${epochs} epochs`} of a prior${size.join(',')}`
}

/** What the model is called in pictures and folders. */
function nameOf({ spec }: Options, preset: string | undefined): string {
  return spec ? basename(spec).replace(/\.json$/, '') : (preset ?? 'model')
}

/** Where the results go: where asked, beside the resumed model, or a folder that has no model yet. */
export function chooseFolder(options: Options, { name }: AnyDataset): string {
  if (options.out) return options.out
  if (options.resume) return dirname(options.resume)
  const first = join('runs', `${nameOf(options, options.preset)}-${name}`)
  for (let number = 1; ; number++) {
    const folder = number === 1 ? first : `${first}-${number}`
    if (!existsSync(join(folder, 'model.safetensors'))) return folder
  }
}

/** `RMSprop, learning rate 0.001, rho 0.9` … */
export function inWords({ type, ...settings }: Optimizer): string {
  const told = Object.entries(settings).filter(([name, value]) => value !== 0 || name === 'learningRate')
  const parts = told.map(([name, value]) => `${settingTitles[name] ?? name} ${rateInWords(value)}`)
  return [optimizerTitles[type], ...parts].join(', ')
}

function rateInWords(rate: Rate): string {
  if (typeof rate === 'number') return String(rate)
  if (rate.type !== 'multi-step') return JSON.stringify(rate)
  const { value, factor, milestones } = rate
  return `${value} times ${factor.toPrecision(4)} at each of the steps ${milestones.join(', ')}`
}

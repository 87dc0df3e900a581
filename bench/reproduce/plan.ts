import { UsageError } from '../../src/tools/arguments.mjs'
import type { LoadedDataset } from '../../src/tools/datasets.js'
import type { Job } from '../../src/tools/train/messages.js'
import { inWords } from '../../src/tools/train/plan-run.js'
import type { Options } from './options.js'
import type { Reproduction } from './reproduction.js'

const CHECKPOINT_STEPS = 50_000

/** What the page is to do. @throws UsageError where the data does not fit */
export function planReproduction(
  reproduction: Reproduction,
  { name, k, seed, short, anyway, steps }: Options,
  { name: dataName, train, test }: LoadedDataset,
): Job {
  const { spec, optimizer, batchSize, klWeight, importanceSamples, binarize, initialization } = reproduction
  const length = short ? reproduction.short! : reproduction.full
  if (String(train.shape) !== String(spec.input)) {
    throw new UsageError(`--data: images are ${train.shape.join(' × ')}, ${name} needs ${spec.input.join(' × ')}`)
  }
  if (spec.classes && !(train.labels && test.labels)) throw new UsageError(`--data: ${name} needs labels`)
  const title = [name, ...(name === 'iwae' ? [`k${k}`] : []), ...(short ? ['short'] : [])].join('-')
  return {
    spec,
    resume: false,
    seed,
    optimizer,
    batchSize,
    klWeight,
    importanceSamples,
    binarize,
    initialization,
    testSamples: steps ? undefined : length.testSamples,
    ...(steps ? { steps } : { epochs: length.epochs }),
    reportEvery: reproduction.reportEvery,
    checkpointEvery: CHECKPOINT_STEPS,
    softwareRefusal: length.softwareMinutes || short || steps || anyway ? undefined : refusal(reproduction),
    data: { shape: train.shape, labels: Boolean(train.labels && test.labels), real: false },
    subject: `${title} on ${dataName}`,
    settings: [
      inWords(optimizer),
      `batch ${batchSize}`,
      `KL weight ${klWeight}`,
      ...(importanceSamples > 1 ? [`${importanceSamples} importance samples`] : []),
      ...(binarize ? ['pixels drawn'] : []),
      initialization ? 'weights as PyTorch starts them' : 'Glorot-uniform weights',
      `seed ${seed}`,
    ],
    earlier: [],
  }
}

function refusal({ short }: Reproduction): string {
  const instead = short ? '--short trains less, --anyway trains all the same' : '--anyway trains all the same'
  return `this takes too long on the CPU; ${instead}`
}

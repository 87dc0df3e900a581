import { SpecError } from '../../errors.js'
import { presets } from '../../model/presets.js'
import type { Optimizer } from '../../ops/update.js'
import { adam, optimizerFrom } from '../../train/optimizers.js'
import { recipes } from '../../train/recipes.js'
import { readArguments, UsageError, type Given } from '../arguments.mjs'
import { DATASET_NAMES } from '../datasets.js'

export type PresetName = keyof typeof presets

/** What the command line says, checked as far as it can be without reading a file. */
export interface Options {
  preset?: PresetName
  /** A file with the specification of the model, as JSON. */
  spec?: string
  /** A data set's name, or a folder. */
  data: string
  epochs?: number
  steps?: number
  batch?: number
  seed?: number
  out?: string
  klWeight?: number
  /** Undefined where nothing was said of the optimiser: then the preset's, or the saved file's. */
  optimizer?: Optimizer
  resume?: string
  adapter: 'default' | 'software'
  /** Undefined: once an epoch. */
  checkpointEvery?: number
  /** The class that is held out of training, to be told by its reconstruction loss. */
  anomaly?: number
  /** Draws of z per image for that. */
  samples?: number
  /** A saved model, on whose codes to train in place of images. */
  codes?: string
  /** How many training images keep their label. */
  labels?: number
  /** Epochs of a prior over the codes, after the model; and its network, where it is not the default. */
  priorEpochs?: number
  priorLayers?: number
  priorChannels?: number
}

const presetNames = Object.keys(presets) as PresetName[]
const optimizerNames = ['adam', 'rmsprop', 'sgd']
/** What `--adapter` takes. */
export const adapterNames = ['default', 'software'] as const
/** Options of the command line, as the optimisers call them. */
const optimizerSettings = {
  'learning-rate': 'learningRate',
  rho: 'rho',
  beta1: 'beta1',
  beta2: 'beta2',
  epsilon: 'epsilon',
  momentum: 'momentum',
} as const

const valueOptions = [
  'preset', 'spec', 'data', 'epochs', 'steps', 'batch', 'seed', 'out', 'kl-weight', 'optimizer',
  ...Object.keys(optimizerSettings), 'resume', 'adapter', 'checkpoint-every', 'anomaly', 'samples', 'labels', 'codes',
  'prior-epochs', 'prior-layers', 'prior-channels', 'runtime',
]

/** Where training may run. */
export const runtimeNames = ['node', 'chrome', 'deno'] as const

const RUNTIMES_OF_REPOSITORY = `chrome: a page of a headless browser, which draws every picture; node: this process, on
                        Dawn; deno, the quickest where there is no GPU (chrome, or ELBO_RUNTIME)`
const RUNTIMES_OF_PACKAGE = `node: this process, on the package webgpu; deno: an installed Deno 2, the quickest where
                        there is no GPU (node)`

/** What `--help` prints. @param call how users call the command */
export const usage = (call: string) => `${call} --preset NAME --data NAME|PATH [options]

Trains a variational autoencoder, on the GPU where there is one.

  --preset NAME         ${presetNames.join(', ')}
  --spec FILE           a specification of your own instead, as JSON: what createVae takes
  --data NAME|PATH      ${DATASET_NAMES.join(', ')}, or a folder with MNIST's four IDX files,
                        CIFAR-10's binary batches, or PNG or JPEG files; a .npy or .csv file
  --epochs N            passes over the training images (5; 0, with --resume and --prior-epochs: the prior alone)
  --steps N             so many updates instead
  --batch N             images per update (the preset's)
  --seed N              of the weights, the order of the images and the noise (0)
  --kl-weight X         weight of the KL term in the loss (1)
  --out DIR             where the results go (runs/MODEL-DATA, with a number where that is taken)

  --optimizer NAME      ${optimizerNames.join(', ')} (the preset's)
  --learning-rate X     and --rho, --epsilon, --momentum, --beta1, --beta2, where the optimiser has them
                        (the preset's; its defaults where the preset has another optimiser)

  --resume FILE         goes on from a saved model: so many more epochs or steps, bit for bit what one run would have
                        done, given the same --data, --batch and --kl-weight. The model and the seed are the file's;
                        so are the folder and the optimiser, whose settings may change, unless they are given
  --checkpoint-every N  saves the model every N steps, not only at the end (once an epoch)
  --anomaly LABEL       holds that class out of training, and tells by the reconstruction loss which test images are
                        of it: prints the area under the ROC curve, and draws anomalies.png
  --samples N           draws of z per image for that (16)
  --labels N            of a model with a classifier: hides all but N labels, as many of each class; half a batch is of
                        known label. Prints the test error, and that of the classifier trained on those N alone
  --codes FILE          trains on the codes of the images by that saved model (M1 + M2 with --preset semiSupervised):
                        the posterior means, as real values; the model's input and likelihood become theirs
  --prior-epochs N      of a vector-quantised model: then trains a prior over its codes, a gated PixelCNN, for so many
                        epochs. samples.png is drawn from it, independent.png code by code, each alone. Prints what
                        a code of the test images costs in bits. --prior-layers (6) and --prior-channels (64) say how
                        large it is
  --adapter NAME        default: the GPU, or the software adapter where there is none; software: always that
  --runtime NAME        ${call.startsWith('npm') ? RUNTIMES_OF_REPOSITORY : RUNTIMES_OF_PACKAGE}
  --help

The folder then holds
  model.safetensors     the model, and all that --resume needs
  history.csv           set,step,epoch,total,reconstruction,kl, then the other parts of the model's loss: nats per
                        image, total = reconstruction + weight · kl, or as the model's page in docs/ says.
                        Rows of the set "train" are means over the 10 steps up to theirs, rows of the set "test" are
                        over all test images, at the end of every epoch and of the run
  loss.png              the same as a curve
  reconstructions.png   test images above, reconstructions below
  samples.png           images decoded from draws of the prior
  independent.png       with --prior-epochs: decoded from codes each drawn alone
  manifold.png          where the latent has two dimensions: images decoded from a grid over them, at equal steps of the
                        prior's probability; where it is the sphere in three: images decoded from all over its map
  styles.png            of a conditional model, instead of both: each row is one draw of the prior, each
                        column one class
  interpolations.png    where there is no prior, instead: decoded from codes between those of four test images
  anomalies.png         with --anomaly: the most and the least surprising test images, and where the surprise is
  canvases.png          of a recurrent model: its canvas after every step, each row an image being drawn
  latent.png            the test images in the latent plane, where the latent has two dimensions, or on the sphere's map
Node and Deno have no canvas: there the images are drawn without words, and loss.png, latent.png, canvases.png,
anomalies.png and the sphere's manifold.png left out.

Ctrl-C or SIGTERM stops after the steps under way and saves everything; a second one leaves at once.
Exit code: 0 done, 1 failed, 2 wrong options, 130 stopped by Ctrl-C, 143 by SIGTERM.
`

/** Reads the command line; undefined where it asks for help. @throws UsageError */
export function parseOptions(args: string[]): Options | undefined {
  const given = readArguments(args, { values: valueOptions })
  if (given.has('help')) return undefined
  given.oneOf('runtime', runtimeNames) // whoever starts the command has chosen it
  const preset = given.oneOf('preset', presetNames)
  const [spec, resume, data] = ['spec', 'resume', 'data'].map((name) => given.text(name))
  if (spec && (preset || resume)) throw new UsageError(`give --spec or --${preset ? 'preset' : 'resume'}, not both`)
  if (!preset && !spec && !resume) {
    throw new UsageError(`--preset is missing; there are ${presetNames.join(', ')}, or name a file with --spec`)
  }
  if (data === undefined) {
    throw new UsageError(`--data is missing; there are ${DATASET_NAMES.join(', ')}, or name a folder with IDX files`)
  }
  if (given.has('epochs') && given.has('steps')) throw new UsageError('give --epochs or --steps, not both')
  if (given.has('samples') && !given.has('anomaly')) throw new UsageError('--samples goes with --anomaly')
  const priorEpochs = given.whole('prior-epochs')
  if (!priorEpochs && (given.has('prior-layers') || given.has('prior-channels'))) {
    throw new UsageError('--prior-layers and --prior-channels go with --prior-epochs')
  }
  // 0 epochs of the model, where its prior alone is to be trained.
  const epochs = given.whole('epochs', resume && priorEpochs ? 0 : 1)
  if (given.has('codes') && (spec || resume || given.has('anomaly'))) {
    throw new UsageError('--codes goes with --preset, and not with --anomaly')
  }
  return {
    preset,
    spec,
    data,
    ...(given.has('steps') ? { steps: given.whole('steps') } : { epochs: epochs ?? 5 }),
    batch: given.whole('batch'),
    seed: given.whole('seed', 0),
    out: given.text('out'),
    klWeight: given.number('kl-weight'),
    optimizer: readOptimizer(given, preset),
    resume,
    adapter: given.oneOf('adapter', adapterNames) ?? 'default',
    checkpointEvery: given.whole('checkpoint-every'),
    anomaly: given.whole('anomaly', 0),
    samples: given.whole('samples'),
    labels: given.whole('labels'),
    codes: given.text('codes'),
    priorEpochs,
    priorLayers: given.whole('prior-layers'),
    priorChannels: given.whole('prior-channels'),
  }
}

/** What the command line changes of the preset's optimiser, or of Adam where a specification has none. */
function readOptimizer(given: Given, preset: PresetName | undefined): Optimizer | undefined {
  const changes: Record<string, number> = {}
  for (const [option, name] of Object.entries(optimizerSettings)) {
    const value = given.number(option)
    if (value !== undefined) changes[name] = value
  }
  const type = given.oneOf('optimizer', optimizerNames)
  if (!type && Object.keys(changes).length === 0) return undefined
  const recipe = preset ? recipes[preset].optimizer : given.has('spec') ? adam() : undefined
  if (!type && !recipe) throw new UsageError('settings of an optimiser need --optimizer or --preset beside them')
  try {
    return optimizerFrom({ ...(!type || type === recipe?.type ? recipe : { type }), ...changes })
  } catch (error) {
    if (!(error instanceof SpecError)) throw error
    throw new UsageError(error.message.replace(/^optimizer\./, '--').replaceAll('learningRate', 'learning-rate'))
  }
}

import { readArguments, UsageError } from '../../src/tools/arguments.mjs'
import { adapterNames, type Options as TrainOptions } from '../../src/tools/train/options.js'
import { inWords } from '../../src/tools/train/plan-run.js'
import type { Published } from './reproduction.js'
import { iwaeSamples, reproductionNames, reproductions } from './reproductions.js'

/** What the command line says. */
export interface Options {
  name: string
  /** A data set's name, or a folder. */
  data: string
  seed: number
  out?: string
  /** Draws of z per image to train on. */
  k: number
  short: boolean
  /** Trains on a software adapter even where that is out of reach. */
  anyway: boolean
  /** Ends after so many steps: a trial, compared with nothing. */
  steps?: number
  /** Adds the figures to those in `bench/results`. */
  record: boolean
  adapter: TrainOptions['adapter']
}

const accepted = {
  values: ['data', 'seed', 'out', 'k', 'steps', 'adapter'],
  flags: ['short', 'anyway', 'record'],
  word: 'name',
}

/** Reads the command line; undefined where it asks for help. @throws UsageError */
export function parseOptions(args: string[]): Options | undefined {
  const given = readArguments(args, accepted)
  if (given.has('help')) return undefined
  const name = given.words.at(0)
  const names = `there are ${reproductionNames.join(', ')}`
  if (name === undefined) throw new UsageError(`the name of a reproduction is missing; ${names}`)
  if (!reproductionNames.includes(name)) throw new UsageError(`there is no reproduction "${name}"; ${names}`)
  if (given.has('k') && name !== 'iwae') throw new UsageError(`--k goes with iwae, not with ${name}`)
  const k = Number(given.oneOf('k', iwaeSamples.map(String)) ?? 1)
  const short = given.has('short')
  if (short && !reproductions[name](k).short) throw new UsageError(`${name}${given.has('k') ? ` --k ${k}` : ''} has no --short form`)
  const steps = given.whole('steps')
  if (steps && given.has('record')) throw new UsageError('--record is for whole runs, not for --steps')
  return {
    name,
    data: given.text('data') ?? 'mnist',
    seed: given.whole('seed', 0) ?? 1,
    out: given.text('out'),
    k,
    short,
    anyway: given.has('anyway'),
    steps,
    record: given.has('record'),
    adapter: given.oneOf('adapter', adapterNames) ?? 'default',
  }
}

/** What `--help` prints. */
export function usage(): string {
  return `npm run reproduce -- NAME [options]

Trains with settings from the literature, to the letter, on MNIST, and prints what comes out beside what was published.
Losses are nats per image.

${reproductionNames.map(described).join('\n\n')}

  --k N             iwae: draws of z per image to train on, ${iwaeSamples.join(', ')} (1)
  --short           the shorter form, where there is one
  --anyway          trains on a software adapter although that is out of reach there
  --seed N          of the weights, the order of the images and the noise (1)
  --data NAME|DIR   mnist, downloaded unless it is there, or a folder with MNIST's four IDX files (mnist)
  --out DIR         where the results go (runs/reproduce-NAME)
  --steps N         ends after N steps: a trial, compared with nothing
  --record          adds the figures to bench/results/DATE-ADAPTER-reproductions.json
  --adapter NAME    default: the GPU, or the software adapter where there is none; software: always that
  --help

The folder then holds figures.json, ours beside the published; model.safetensors, history.csv and the pictures of
npm run train.

Exit code: 0 done, 1 failed, 2 wrong options, 130 interrupted.
`
}

function described(name: string): string {
  const { source, parameterCount, optimizer, batchSize, klWeight, binarize } = reproductions[name](1)
  const settings = [
    `${parameterCount.toLocaleString('en-US')} parameters`,
    name === 'iwae' ? 'Adam 1e-3 · 10^(−i/7) for 3^i epochs, i = 0 … 7, epsilon 1e-4' : inWords(optimizer),
    `batch ${batchSize}`,
    ...(binarize ? ['pixels drawn'] : [`KL weight ${klWeight}`]),
  ]
  return [`  ${name}: ${source}`, settings.join(' · '), ...formsInWords(name)].join('\n    ')
}

/** One line per form, with the figures of every k. */
function formsInWords(name: string): string[] {
  return (['full', 'short'] as const).flatMap((form) => {
    const forms = (name === 'iwae' ? iwaeSamples : [1]).flatMap((k) => {
      const length = reproductions[name](k)[form]
      return length ? [{ k, length }] : []
    })
    if (forms.length === 0) return []
    const { epochs, softwareMinutes } = forms[0].length
    const trained = epochs === 1 ? 'one epoch' : `${epochs.toLocaleString('en-US')} epochs`
    const figures = forms.flatMap(({ k, length }) => length.published.map((published) => figureInWords(published, k)))
    const time = softwareMinutes ? `about ${softwareMinutes} minutes` : 'too long'
    return [`${form === 'short' ? '--short: ' : ''}${trained}: ${figures.join('; ')}. On a software adapter ${time}`]
  })
}

function figureInWords({ quantity, values, epoch }: Published, k: number): string {
  const where = quantity === 'bound' ? `bound, k = ${k}` : `${quantity}, epoch ${epoch}`
  return `${values.join(', ')} (${where})`
}

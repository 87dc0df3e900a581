import { parameterCount, type ParameterSpec } from '../../model/parameters.js'
import type { LatentSpec, LayerSpec } from '../../model/spec.js'
import { readArguments } from '../arguments.mjs'
import { presetOf } from '../train/inputs.js'
import { inWords } from '../train/plan-run.js'
import { withCommas } from '../train/progress.js'
import { modelPath, openModel, type Opened } from './open-model.js'

export const usage = `elbo info MODEL.safetensors [--json]

Tells what a saved model is: its specification, its parameters, where its training stands. Needs no GPU.

  --json                as JSON
`

/** The whole command; resolves to its exit code. @throws UsageError, CommandError, FormatError */
export async function command(args: string[]): Promise<number> {
  const given = readArguments(args, { flags: ['json'], word: 'model' })
  if (given.has('help')) {
    console.log(usage)
    return 0
  }
  const opened = await openModel(modelPath(given))
  console.log(given.has('json') ? JSON.stringify(facts(opened), null, 2) : lines(opened).join('\n'))
  return 0
}

function facts({ saved: { model, seed, training, prior } }: Opened) {
  const state = training?.state
  return {
    preset: presetOf(model.spec) ?? null,
    spec: model.spec,
    parameterCount: parameterCount(model.parameters()),
    parameters: model.parameters().map(({ name, shape }) => ({ name, shape })),
    seed,
    training: state ? { step: state.step, epoch: state.epoch, cursor: state.cursor, optimizer: state.optimizer } : null,
    prior: prior ? { ...prior.network.prior, step: prior.training?.state.step ?? 0 } : null,
  }
}

function lines({ path, saved: { model, seed, training, prior } }: Opened): string[] {
  const { spec } = model
  const preset = presetOf(spec)
  const state = training?.state
  return [
    `${path}: ${preset ? `the preset ${preset}` : 'a model of its own'}`,
    `input       ${spec.input.join(' × ')}${spec.classes ? `, and one of ${spec.classes} labels` : ''}`,
    ...spec.encoder.map((layer, i) => `encoder.${i}   ${layerInWords(layer)}`),
    `latent      ${latentInWords(spec.latent)}${spec.recurrent ? `, in ${spec.recurrent.steps} steps` : ''}`,
    ...spec.decoder.map((layer, i) => `decoder.${i}   ${layerInWords(layer)}`),
    `likelihood  ${Object.values(spec.likelihood).join(', variance ')}`,
    '',
    ...model.parameters().map(parameterLine),
    `${withCommas(parameterCount(model.parameters()))} trained values`,
    '',
    state
      ? `trained for ${withCommas(state.step)} steps; whole epochs: ${state.epoch}, images of the next: ${withCommas(state.cursor)}`
      : 'not trained yet',
    ...(state ? [`optimiser   ${inWords(state.optimizer)}`] : []),
    `seed        ${state?.seed ?? seed}`,
    ...(prior ? [`a prior over the codes, trained for ${withCommas(prior.training?.state.step ?? 0)} steps`] : []),
    '',
    'specification, as --spec takes it:',
    JSON.stringify(spec),
  ]
}

function parameterLine({ name, shape, buffer }: ParameterSpec): string {
  return `${name.padEnd(28)} [${shape.join(', ')}]${buffer ? '  moved by the batches, not by the optimiser' : ''}`
}

/** `conv, filters 32, kernel 3, activation relu` */
function layerInWords({ type, ...settings }: LayerSpec): string {
  const told = Object.entries(settings).map(([name, value]) => {
    return name === 'layers' ? `of ${(value as LayerSpec[]).map(layerInWords).join('; ')}` : `${name} ${value}`
  })
  return [type, ...told].join(', ')
}

function latentInWords({ type, ...settings }: LatentSpec): string {
  return [type, ...Object.entries(settings).map(([name, value]) => `${name} ${value}`)].join(', ')
}

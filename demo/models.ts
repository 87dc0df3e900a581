import { presets, recipes, type VaeSpec } from '../src/index.js'

/** The presets offered, with what they are in a few words. */
export const presetTitles = {
  mlp: 'mlp · 2 latent numbers',
  conv: 'conv · 2 latent numbers',
  mlpDeep: 'mlpDeep · 200 latent numbers',
  conditional: 'conditional · digit and style',
  autoencoder: 'autoencoder · 32 numbers',
  vectorQuantized: 'vectorQuantized · 64 codes',
}

export type PresetName = keyof typeof presetTitles

export const presetNames = Object.keys(presetTitles) as PresetName[]

/** Channels of the vector-quantised network where a step of the preset's 128 would take several seconds. */
const narrowFilters = 16

/**
 * What the page trains under a preset's name. Vector-quantised codes move as averages: by the gradient they are left
 * behind by the encoder in the first steps, and few are ever used.
 */
export function specOf(preset: PresetName, software: boolean): VaeSpec {
  const spec = presets[preset]
  if (spec.latent.type !== 'vector-quantized') return spec
  const averaged: VaeSpec = { ...spec, latent: { ...spec.latent, codebookUpdate: 'moving-average' } }
  return software ? narrowed(averaged) : averaged
}

/** The preset that a saved model is, or is a variant of; undefined for any other. */
export function presetOf(spec: VaeSpec): PresetName | undefined {
  const text = JSON.stringify(spec)
  const variants = (name: PresetName) => [presets[name], specOf(name, false), specOf(name, true)]
  return presetNames.find((name) => variants(name).some((variant) => JSON.stringify(variant) === text))
}

/** Whether a KL term, and its weight, is part of the loss. */
export function hasKl(preset: PresetName): boolean {
  return presets[preset].latent.type === 'gaussian'
}

/** The recipe's; less where a step of it would take ten seconds. */
export function batchSizeOf(preset: PresetName, software: boolean): number {
  if (software && preset === 'conv') return 32
  if (software && preset === 'vectorQuantized') return 16
  return recipes[preset].batchSize
}

/** Channels of a vector-quantised network that is narrower than the preset's. */
export function narrowFiltersOf({ latent, encoder: [first] }: VaeSpec): number | undefined {
  const narrow = latent.type === 'vector-quantized' && first.type === 'conv' && first.filters === narrowFilters
  return narrow ? narrowFilters : undefined
}

function narrowed(spec: VaeSpec): VaeSpec {
  return JSON.parse(JSON.stringify(spec).replaceAll('"filters":128', `"filters":${narrowFilters}`)) as VaeSpec
}

import { presetTitles, type PresetName } from './models.js'

export interface Settings {
  preset: PresetName
  data: 'glyphs' | 'files'
  learningRate: number
  klWeight: number
  seed: number
}

export const learningRates = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1]
export const klWeights = [0, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32]

export const defaults: Settings = { preset: 'mlp', data: 'glyphs', learningRate: 0.001, klWeight: 1, seed: 7 }

/** Settings from a URL's `#model=conv&rate=0.003&kl=4&seed=1`; what is missing or makes no sense is the default. */
export function parseHash(hash: string): Settings {
  const query = new URLSearchParams(hash.replace(/^#/, ''))
  const model = query.get('model') ?? ''
  const preset = Object.hasOwn(presetTitles, model) ? (model as PresetName) : defaults.preset
  const number = (key: string, accept: (value: number) => boolean, fallback: number) => {
    const text = query.get(key)
    const value = Number(text)
    return text !== null && text !== '' && accept(value) ? value : fallback
  }
  return {
    preset,
    data: 'glyphs',
    learningRate: number('rate', (value) => value > 0 && value <= 10, defaults.learningRate),
    klWeight: number('kl', (value) => value >= 0 && value <= 1000, defaults.klWeight),
    seed: number('seed', (value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32, defaults.seed),
  }
}

/** The shortest hash that `parseHash` reads back; the data behind opened files stays on this device. */
export function formatHash(settings: Settings): string {
  const query = new URLSearchParams()
  if (settings.preset !== defaults.preset) query.set('model', settings.preset)
  if (settings.learningRate !== defaults.learningRate) query.set('rate', String(settings.learningRate))
  if (settings.klWeight !== defaults.klWeight) query.set('kl', String(settings.klWeight))
  if (settings.seed !== defaults.seed) query.set('seed', String(settings.seed))
  return query.size === 0 ? '' : `#${query}`
}

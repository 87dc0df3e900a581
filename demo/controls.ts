import { element } from './element.js'
import { hasKl, presetTitles, type PresetName } from './models.js'
import { defaults, klWeights, learningRates, type Settings } from './settings.js'

export interface ControlEvents {
  toggle(): void
  step(): void
  /** A new model: another preset, data set or seed, or just again. */
  restart(settings: Settings): void
  /** The same model goes on otherwise. */
  adjust(settings: Settings): void
  files(files: File[], settings: Settings): void
  save(): void
  load(file: File): void
}

const preset = element('preset', HTMLSelectElement)
const data = element('data', HTMLSelectElement)
const rate = element('rate', HTMLSelectElement)
const kl = element('kl', HTMLInputElement)
const klLabel = element('kl-label', HTMLLabelElement)
const klValue = element('kl-value', HTMLOutputElement)
const seed = element('seed', HTMLInputElement)
const idxFiles = element('idx-files', HTMLInputElement)
const modelFile = element('model-file', HTMLInputElement)

/** The row of controls. It holds the settings; `show` sets it without an event. */
export class Controls {
  private settings: Settings = defaults

  constructor(events: ControlEvents) {
    for (const [name, title] of Object.entries(presetTitles)) preset.add(new Option(title, name))
    kl.max = String(klWeights.length - 1)
    element('toggle', HTMLButtonElement).onclick = () => events.toggle()
    element('step', HTMLButtonElement).onclick = () => events.step()
    element('reset', HTMLButtonElement).onclick = () => events.restart(this.settings)
    element('save', HTMLButtonElement).onclick = () => events.save()
    element('load', HTMLButtonElement).onclick = () => modelFile.click()
    preset.onchange = () => events.restart(this.update({ preset: preset.value as PresetName }))
    seed.onchange = () => {
      events.restart(this.update({ seed: seed.checkValidity() ? seed.valueAsNumber : defaults.seed }))
    }
    rate.onchange = () => events.adjust(this.update({ learningRate: Number(rate.value) }))
    kl.oninput = () => this.update({ klWeight: klWeights[kl.valueAsNumber] })
    kl.onchange = () => events.adjust(this.settings)
    data.onchange = () => {
      if (data.value !== 'open') return events.restart(this.update({ data: data.value as Settings['data'] }))
      data.value = this.settings.data // until files are opened, if they ever are
      idxFiles.click()
    }
    idxFiles.onchange = () => {
      const files = [...(idxFiles.files ?? [])]
      idxFiles.value = ''
      if (files.length > 0) events.files(files, { ...this.settings, data: 'files' })
    }
    modelFile.onchange = () => {
      const file = modelFile.files?.[0]
      modelFile.value = ''
      if (file) events.load(file)
    }
    element('controls', HTMLFormElement).onsubmit = (event) => event.preventDefault()
  }

  get current(): Settings {
    return this.settings
  }

  show(settings: Settings): void {
    this.settings = settings
    preset.value = settings.preset
    if (settings.data === 'files') data.options[1].hidden = false
    data.options[0].text = settings.preset === 'vectorQuantized' ? 'coloured glyphs' : 'glyphs (built in)'
    data.value = settings.data
    klLabel.hidden = !hasKl(settings.preset)
    const rates = [...new Set([...learningRates, settings.learningRate])].sort((a, b) => a - b)
    rate.replaceChildren(...rates.map((value) => new Option(String(value))))
    rate.value = String(settings.learningRate)
    const nearest = (weight: number) => Math.abs(weight - settings.klWeight)
    kl.value = String(klWeights.indexOf(klWeights.reduce((a, b) => (nearest(b) < nearest(a) ? b : a))))
    kl.ariaValueText = klValue.value = String(settings.klWeight)
    seed.value = String(settings.seed)
  }

  private update(change: Partial<Settings>): Settings {
    this.show({ ...this.settings, ...change })
    return this.settings
  }
}

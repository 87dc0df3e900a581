import { element } from './element.js'
import { bound, type Sample } from '../src/tools/drawing/history.js'
import type { ModelInfo, Progress } from './messages.js'

const places = {
  total: element('total', HTMLElement),
  reconstruction: element('reconstruction', HTMLElement),
  code: element('kl-part', HTMLElement),
  perplexity: element('perplexity', HTMLElement),
  codesUsed: element('codes-used', HTMLElement),
  step: element('number-step', HTMLElement),
  epoch: element('number-epoch', HTMLElement),
  imagesPerSecond: element('number-rate', HTMLElement),
  msPerStep: element('number-ms', HTMLElement),
}

/** The numbers of the moment, or the parts of the loss at the step that the pointer is over. */
export class Numbers {
  private latest: Progress | undefined
  private hovered: Sample | undefined
  private digits = 1

  begin({ codes }: ModelInfo): void {
    this.digits = codes ? 0 : 1
    this.latest = this.hovered = undefined
    for (const place of Object.values(places)) place.textContent = '–'
  }

  show(progress: Progress): void {
    this.latest = progress
    places.epoch.textContent = progress.epoch.toLocaleString('en')
    places.imagesPerSecond.textContent = Math.round(progress.imagesPerSecond).toLocaleString('en')
    places.msPerStep.textContent = progress.msPerStep.toFixed(progress.msPerStep < 10 ? 2 : 0)
    this.showLoss()
  }

  hover(sample: Sample | undefined): void {
    this.hovered = sample
    this.showLoss()
  }

  private showLoss(): void {
    const shown = this.hovered ?? (this.latest && { ...bound(this.latest.loss), ...this.latest })
    if (!shown) return
    const { step, total, reconstruction, code, perplexity, codesUsed } = shown
    places.step.textContent = step.toLocaleString('en')
    places.total.textContent = this.written(total)
    places.reconstruction.textContent = this.written(reconstruction)
    places.code.textContent = this.written(code)
    places.perplexity.textContent = perplexity === undefined ? '–' : perplexity.toFixed(perplexity < 10 ? 1 : 0)
    places.codesUsed.textContent = codesUsed === undefined ? '–' : String(codesUsed)
  }

  private written(nats: number): string {
    return nats.toFixed(this.digits).replace('-', '−')
  }
}

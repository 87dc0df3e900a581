import { element } from './element.js'
import type { Sample } from './history.js'
import type { Progress } from './messages.js'

const places = {
  total: element('total', HTMLElement),
  reconstruction: element('reconstruction', HTMLElement),
  kl: element('kl-part', HTMLElement),
  step: element('number-step', HTMLElement),
  epoch: element('number-epoch', HTMLElement),
  imagesPerSecond: element('number-rate', HTMLElement),
  msPerStep: element('number-ms', HTMLElement),
}

/** The numbers of the moment, or the parts of the loss at the step that the pointer is over. */
export class Numbers {
  private latest: Progress | undefined
  private hovered: Sample | undefined

  clear(): void {
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
    const loss = this.hovered ?? this.latest?.loss
    const step = (this.hovered ?? this.latest)?.step
    if (!loss || step === undefined) return
    places.step.textContent = step.toLocaleString('en')
    places.total.textContent = (loss.reconstruction + loss.kl).toFixed(1)
    places.reconstruction.textContent = loss.reconstruction.toFixed(1)
    places.kl.textContent = loss.kl.toFixed(1)
  }
}

import { element } from './element.js'
import type { Condition, ModelInfo } from './messages.js'

const picker = element('labels', HTMLElement)
const renew = element('new-styles', HTMLButtonElement)
const seenText = element('seen-text', HTMLElement)
const grid = element('grid', HTMLCanvasElement)

/** What a conditional model is asked for: a class for the plane and the pad, and the styles of the grid's rows. */
export class Labels {
  private classes = 0
  private condition: Condition = { label: 0, styleSeed: 0 }

  /** `onChange` is told every other choice. */
  constructor(private readonly onChange: (condition: Condition) => void) {
    renew.onclick = () => this.change({ styleSeed: this.condition.styleSeed + 1 })
    grid.addEventListener('click', ({ offsetX }) => {
      if (this.classes > 0) this.choose(Math.floor((offsetX / grid.clientWidth) * this.classes))
    })
  }

  /** One column's heading a class, where the model has classes. */
  begin({ classes = 0 }: ModelInfo): void {
    picker.hidden = renew.hidden = classes === 0
    this.classes = classes
    this.saySeen()
    if (picker.childElementCount === classes) return
    picker.replaceChildren(
      ...Array.from({ length: classes }, (_, label) => {
        const heading = document.createElement('label')
        const radio = document.createElement('input')
        radio.type = 'radio'
        radio.name = 'label'
        radio.checked = label === this.condition.label
        radio.onchange = () => this.choose(label)
        heading.append(radio, String(label))
        return heading
      }),
    )
  }

  choose(label: number): void {
    const radio = picker.querySelectorAll('input')[label]
    if (!radio) return
    radio.checked = true
    this.change({ label })
  }

  private change(change: Partial<Condition>): void {
    this.condition = { ...this.condition, ...change }
    this.saySeen()
    this.onChange(this.condition)
  }

  private saySeen(): void {
    seenText.textContent = this.classes > 0 ? `goes in as ${this.condition.label}` : 'what goes in'
  }
}

import { element } from './element.js'

const banner = element('banner', HTMLElement)
const text = element('banner-text', HTMLParagraphElement)
const more = element('banner-more', HTMLDetailsElement)
const advice = element('banner-advice', HTMLElement)
const action = element('banner-action', HTMLButtonElement)

element('banner-close', HTMLButtonElement).onclick = hideBanner

export interface Remedy {
  /** Shown on demand, or at once where nothing works without it. */
  advice?: string
  open?: boolean
  button?: { title: string; onClick: () => void }
}

/** Says something in words above everything else, and what can be done about it. */
export function showBanner(message: string, remedy: Remedy = {}): void {
  const { button } = remedy
  text.textContent = message
  advice.textContent = remedy.advice ?? ''
  more.hidden = !remedy.advice
  more.open = remedy.open ?? false
  banner.hidden = false
  action.hidden = !button
  if (!button) return
  action.textContent = button.title
  action.onclick = () => {
    hideBanner()
    button.onClick()
  }
}

export function hideBanner(): void {
  banner.hidden = true
}

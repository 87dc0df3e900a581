type Rgb = [red: number, green: number, blue: number]

/** The style sheet's colours, for what is drawn by hand. */
export interface Theme {
  paper: Rgb
  ink: Rgb
  text: string
  quiet: string
  line: string
  accent: string
  total: string
  reconstruction: string
  kl: string
  perplexity: string
  codesUsed: string
  classes: string[]
}

const dark = matchMedia('(prefers-color-scheme: dark)')
let current: Theme | undefined

export function theme(): Theme {
  return (current ??= readTheme())
}

/** Calls back whenever the colours have changed. */
export function onThemeChange(redraw: () => void): void {
  dark.addEventListener('change', () => {
    current = undefined
    redraw()
  })
}

function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement)
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim()
  return {
    paper: hexToRgb(color('paper')),
    ink: hexToRgb(color('ink')),
    text: color('text'),
    quiet: color('quiet'),
    line: color('line'),
    accent: color('accent'),
    total: color('total'),
    reconstruction: color('reconstruction'),
    kl: color('kl'),
    perplexity: color('perplexity'),
    codesUsed: color('quiet'),
    classes: Array.from({ length: 10 }, (_, i) => color(`class-${i}`)),
  }
}

function hexToRgb(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16)
  return [value >> 16, (value >> 8) & 255, value & 255]
}

import type { ProgressOutput } from '../progress-bar.js'

/** How far training is. */
export interface TrainProgress {
  step: number
  totalSteps: number
  epoch: number
  /** Nats per image, as trained on. */
  loss: number
  imagesPerSecond: number
  batchSize: number
}

const cells = 24
const plainEveryMs = 5000

/** A bar on a terminal; elsewhere a line every five seconds. */
export class Progress {
  private drawn = false
  private plainAt = performance.now()

  constructor(private readonly output: ProgressOutput) {}

  update(progress: TrainProgress): void {
    if (this.output.isTTY) {
      const filled = Math.round((progress.step / progress.totalSteps) * cells)
      const bar = '#'.repeat(filled) + '-'.repeat(cells - filled)
      this.output.write(`\r\x1b[K[${bar}] ${describe(progress)}`)
      this.drawn = true
      return
    }
    const now = performance.now()
    if (now - this.plainAt < plainEveryMs) return
    this.plainAt = now
    this.output.write(`${describe(progress)}\n`)
  }

  /** Takes the bar away, so that something else can be said. */
  clear(): void {
    if (this.drawn) this.output.write('\r\x1b[K')
    this.drawn = false
  }
}

function describe({ step, totalSteps, epoch, loss, imagesPerSecond, batchSize }: TrainProgress): string {
  const percent = `${Math.floor((100 * step) / totalSteps)} %`.padStart(5)
  const rate = `${withCommas(Math.round(imagesPerSecond))} images/s`
  const left = duration(((totalSteps - step) * batchSize) / imagesPerSecond)
  const steps = `step ${withCommas(step)} of ${withCommas(totalSteps)}`
  return `${percent}  ${steps}  epoch ${epoch}  loss ${loss.toFixed(2)}  ${rate}  ${left} left`
}

/** `h:mm:ss`, without hours where there are none. */
function duration(seconds: number): string {
  const whole = Math.round(seconds)
  if (!Number.isFinite(whole)) return '?'
  const two = (value: number) => String(value).padStart(2, '0')
  const minutes = Math.floor(whole / 60)
  return minutes < 60
    ? `${minutes}:${two(whole % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`
}

/** 12,345 */
export function withCommas(value: number): string {
  return value.toLocaleString('en-US')
}

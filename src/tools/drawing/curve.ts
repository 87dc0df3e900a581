import uPlot from 'uplot'
import type { VaeSpec } from '../../index.js'
import type { History, Sample } from './history.js'
import { onThemeChange, theme } from './theme.js'

type Part = 'total' | 'reconstruction' | 'code' | 'perplexity' | 'codesUsed'

export type LatentType = VaeSpec['latent']['type']

/** Lines of the upper and the lower pane. */
function partsOf(latent: LatentType): [upper: Part[], lower: Part[]] {
  if (latent === 'deterministic') return [['reconstruction'], []]
  return [['total', 'reconstruction'], latent === 'vector-quantized' ? ['perplexity', 'codesUsed'] : ['code']]
}

/** Share of the width left of which the first fall may leave the picture at the top. */
const fallShare = 0.12
/** The squared error of a quantised model falls further. */
const longFallShare = 0.5
/** The upper pane spans at least this many nats. */
const leastSpan = 12

const stepScale: uPlot.Scale = {
  time: false,
  distr: 100,
  fwd: Math.sqrt,
  bwd: (value) => value * value,
  range: (_, _low, high) => [0, Math.max(10, high)],
}

/**
 * The loss over the steps in two panes with a common axis: the bound with its large part above, the small KL part, or
 * the use of codes, below, each on a scale of its own. The axis of steps is a square root, which gives the fast
 * beginning room.
 */
export class Curve {
  private plots: uPlot[] = []
  private training: Sample[] = []
  private testing: Sample[] = []
  private latent: LatentType = 'gaussian'

  /** `onHover` is told the sample under the pointer, undefined when it has left. */
  constructor(
    private readonly history: History,
    private readonly panes: [upper: HTMLElement, lower: HTMLElement],
    private readonly onHover: (sample: Sample | undefined) => void,
  ) {
    this.build()
    onThemeChange(() => this.build())
    const observer = new ResizeObserver(() => this.plots.forEach((plot, i) => plot.setSize(sizeOf(panes[i]))))
    for (const pane of panes) observer.observe(pane)
  }

  /** Empty, for another model. */
  begin({ latent }: { latent: LatentType }): void {
    this.history.clear()
    this.latent = latent
    this.build()
  }

  draw(): void {
    const [upper, lower] = this.plots
    this.training = this.history.training
    this.testing = this.history.testing
    const [above, below] = partsOf(this.latent)
    upper.setData(this.columns(above))
    lower?.setData(this.columns(below))
  }

  private build(): void {
    for (const plot of this.plots) plot.destroy()
    const [above, below] = partsOf(this.latent)
    const alone = below.length === 0
    this.plots = [this.plot(this.panes[0], above, () => this.upperRange(), alone)]
    this.panes[1].hidden = alone
    if (!alone) this.plots.push(this.plot(this.panes[1], below, () => this.lowerRange(below), true))
    this.draw()
  }

  private plot(pane: HTMLElement, parts: Part[], range: () => uPlot.Range.MinMax, showsSteps: boolean): uPlot {
    const colors = theme()
    const axis = {
      stroke: colors.quiet,
      font: '11px system-ui, sans-serif',
      grid: { stroke: colors.line, width: 1 },
      ticks: { show: false },
    }
    const stepAxis: uPlot.Axis = {
      ...axis,
      show: showsSteps,
      size: 22,
      gap: 3,
      grid: { show: false },
      splits: stepSplits,
      filter: (_, splits) => splits,
      values: (_, splits) => splits.map(shortNumber),
    }
    const valueAxis: uPlot.Axis = {
      ...axis,
      size: this.latent === 'vector-quantized' ? 40 : 34,
      gap: 4,
      space: 28,
      values: (_, splits) => splits.map(shortNumber),
    }
    const color = (part: Part) => colors[part === 'code' ? 'kl' : part]
    const line = (part: Part): uPlot.Series => ({ stroke: color(part), width: 1.5, points: { show: false } })
    const dots = (part: Part): uPlot.Series => ({
      stroke: color(part),
      paths: () => null,
      points: { show: true, size: 5, fill: color(part) },
    })
    return new uPlot(
      {
        ...sizeOf(pane),
        legend: { show: false },
        padding: [6, 10, showsSteps ? 0 : 4, 0],
        cursor: { sync: { key: 'steps' }, drag: { x: false, y: false }, y: false, points: { size: 6 } },
        scales: { x: stepScale, y: { range } },
        series: [{}, ...parts.map(line), ...parts.map(dots)],
        axes: [stepAxis, valueAxis],
        hooks: { setCursor: [(plot) => this.hover(plot)] },
      },
      [[]],
      pane,
    )
  }

  private columns(parts: Part[]): uPlot.AlignedData {
    const { training, testing } = this
    const steps = [...new Set([...training, ...testing].map(({ step }) => step))].sort((a, b) => a - b)
    const column = (from: Sample[], part: Part) => {
      const at = new Map(from.map((sample) => [sample.step, sample[part]]))
      return steps.map((step) => at.get(step))
    }
    return [
      steps,
      ...parts.map((part) => column(training, part)),
      ...parts.map((part) => column(testing, part)),
    ] as uPlot.AlignedData
  }

  /** Without the first fall once it is past; a step that went astray leaves the picture. */
  private upperRange(): uPlot.Range.MinMax {
    const { training, testing } = this
    if (training.length === 0) return [0, 600]
    const share = this.latent === 'vector-quantized' ? longFallShare : fallShare
    const fallEnds = share ** 2 * training[training.length - 1].step
    const shown = [...training, ...testing].filter(({ step }) => step >= fallEnds)
    const low = Math.min(...shown.map(({ reconstruction }) => reconstruction))
    const high = Math.min(Math.max(...shown.map(({ total }) => total)), 1.1 * training[0].total)
    const margin = Math.max(0.05 * (high - low), (leastSpan - (high - low)) / 2)
    return [low < 0 ? low - margin : Math.max(0, low - margin), high + margin]
  }

  /** From nothing to the highest, unless that is far above the rest. */
  private lowerRange(parts: Part[]): uPlot.Range.MinMax {
    const { training } = this
    if (training.length === 0) return [0, 1]
    const highest = (sample: Sample) => Math.max(...parts.map((part) => sample[part] ?? 0))
    const ordered = training.map(highest).sort((a, b) => a - b)
    if (this.latent === 'vector-quantized') return [0, 1.15 * Math.max(10, ordered[ordered.length - 1])]
    const usual = ordered[Math.floor(0.95 * ordered.length)]
    return [0, 1.15 * Math.max(1, Math.min(ordered[ordered.length - 1], 1.5 * usual, training[0].total))]
  }

  private hover(plot: uPlot): void {
    const step = plot.cursor.idx == null ? undefined : plot.data[0][plot.cursor.idx]
    this.onHover(step === undefined ? undefined : this.training.find((sample) => sample.step >= step))
  }
}

function sizeOf(pane: HTMLElement): { width: number; height: number } {
  return { width: pane.clientWidth, height: pane.clientHeight }
}

/** 1, 2 and 5 times the powers of ten, as many as fit from the right, and 0. */
function stepSplits(plot: uPlot, _axis: number, _low: number, high: number): number[] {
  const splits: number[] = []
  let right = Infinity
  for (let power = 10 ** Math.floor(Math.log10(high)); power >= 1; power /= 10) {
    for (const split of [5 * power, 2 * power, power]) {
      const place = plot.width * Math.sqrt(split / high)
      if (split > high || right - place < 44) continue
      splits.unshift(split)
      right = place
    }
  }
  return [0, ...splits]
}

function shortNumber(value: number): string {
  const size = Math.abs(value)
  const short = size < 1e4 ? String(size) : size < 1e6 ? `${size / 1e3}k` : `${size / 1e6}M`
  return value < 0 ? `−${short}` : short
}

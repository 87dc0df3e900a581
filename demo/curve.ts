import uPlot from 'uplot'
import type { History, Sample } from './history.js'
import { onThemeChange, theme } from './theme.js'

type Part = 'total' | 'reconstruction' | 'kl'

/** Share of the width left of which the first fall may leave the picture at the top. */
const fallShare = 0.12
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
 * The loss over the steps in two panes with a common axis: the bound with its large part above, the small KL part
 * below, each on a scale of its own. The axis of steps is a square root, which gives the fast beginning room.
 */
export class Curve {
  private plots: uPlot[] = []
  private training: Sample[] = []
  private testing: Sample[] = []

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

  draw(): void {
    const [upper, lower] = this.plots
    this.training = this.history.training
    this.testing = this.history.testing
    upper.setData(this.columns(['total', 'reconstruction']))
    lower.setData(this.columns(['kl']))
  }

  private build(): void {
    for (const plot of this.plots) plot.destroy()
    this.plots = [
      this.plot(this.panes[0], ['total', 'reconstruction'], () => this.upperRange(), false),
      this.plot(this.panes[1], ['kl'], () => this.lowerRange(), true),
    ]
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
    const line = (part: Part): uPlot.Series => ({ stroke: colors[part], width: 1.5, points: { show: false } })
    const dots = (part: Part): uPlot.Series => ({
      stroke: colors[part],
      paths: () => null,
      points: { show: true, size: 5, fill: colors[part] },
    })
    return new uPlot(
      {
        ...sizeOf(pane),
        legend: { show: false },
        padding: [6, 10, showsSteps ? 0 : 4, 0],
        cursor: { sync: { key: 'steps' }, drag: { x: false, y: false }, y: false, points: { size: 6 } },
        scales: { x: stepScale, y: { range } },
        series: [{}, ...parts.map(line), ...parts.map(dots)],
        axes: [stepAxis, { ...axis, size: 34, gap: 4, space: 28 }],
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
    const fallEnds = fallShare ** 2 * training[training.length - 1].step
    const shown = [...training, ...testing].filter(({ step }) => step >= fallEnds)
    const low = Math.min(...shown.map(({ reconstruction }) => reconstruction))
    const high = Math.min(Math.max(...shown.map(({ total }) => total)), 1.1 * training[0].total)
    const margin = Math.max(0.05 * (high - low), (leastSpan - (high - low)) / 2)
    return [Math.max(0, low - margin), high + margin]
  }

  /** From nothing to the highest, unless that is far above the rest. */
  private lowerRange(): uPlot.Range.MinMax {
    const { training } = this
    if (training.length === 0) return [0, 1]
    const ordered = training.map(({ kl }) => kl).sort((a, b) => a - b)
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
  return value < 1e4 ? String(value) : value < 1e6 ? `${value / 1e3}k` : `${value / 1e6}M`
}

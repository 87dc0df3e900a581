import type { VaeSpec } from '../../index.js'
import { Curve } from '../drawing/curve.js'
import { hasKl } from '../drawing/grids.js'
import { bound, History } from '../drawing/history.js'
import { theme } from '../drawing/theme.js'
import type { HistoryRow } from './history.js'
import { hasBound } from './loss-words.js'
import { density, Sheet, type About } from './sheet.js'

const width = 860
const upperHeight = 330
const lowerHeight = 150
/** Of that, the numbers on the axis of steps. */
const stepsHeight = 19
const legendHeight = 30
const entryWidth = 215
const left = 24
const bottom = 24

/** The demo's curve, large, with a legend and names on its axes; without a KL term only its upper part. */
export async function lossPicture(rows: readonly HistoryRow[], spec: VaeSpec, about: About): Promise<Blob> {
  const shownHeight = hasKl(spec) ? lowerHeight : stepsHeight
  const sheet = new Sheet(width, legendHeight + upperHeight + shownHeight + bottom, about, {
    title: 'loss',
    caption: 'Lines: training, means over the steps since the point before. Dots: all test images.',
  })
  drawLegend(sheet, rows, spec)
  let y = legendHeight
  for (const [pane, height] of await drawnPanes(rows, shownHeight)) {
    const canvas = pane.querySelector('canvas')!
    const from = canvas.height - height * density
    sheet.context.drawImage(canvas, 0, from, canvas.width, height * density, left, y, width - left, height)
    if (height > stepsHeight) sheet.text('nats per image', 6, y + height / 2, { align: 'center', turned: true })
    y += height
    pane.remove()
  }
  sheet.text('step (square-root scale)', left + (width - left) / 2, y + 14, { align: 'center' })
  return sheet.png()
}

/** The curve's upper and lower part on the page, and how much is to be seen of them, from below. */
async function drawnPanes(rows: readonly HistoryRow[], shownHeight: number): Promise<[HTMLElement, number][]> {
  const [upper, lower] = [upperHeight, lowerHeight].map((height) => {
    const pane = document.createElement('div')
    pane.style.cssText = `width: ${width - left}px; height: ${height}px`
    document.body.append(pane)
    return pane
  })
  new Curve(historyOf(rows), [upper, lower], () => {})
  await new Promise((resolve) => setTimeout(resolve, 100)) // the plots draw once the script rests
  return [[upper, upperHeight], [lower, shownHeight]]
}

function historyOf(rows: readonly HistoryRow[]): History {
  const history = new History()
  let before = 0
  rows.forEach((row, i) => {
    if (row.set === 'test') return
    const next = rows.at(i + 1) // a test row follows the training row of its step
    const validation = next?.set === 'test' ? next : undefined
    history.add({ step: row.step, steps: row.step - before, loss: row, validation })
    before = row.step
  })
  return history
}

function drawLegend(sheet: Sheet, rows: readonly HistoryRow[], spec: VaeSpec): void {
  const { total, reconstruction, kl } = theme()
  const test = rows.findLast(({ set }) => set === 'test')
  const all = [
    { name: hasBound(spec) ? '−ELBO' : 'their sum', color: total, value: test && bound(test).total },
    { name: 'reconstruction', color: reconstruction, value: test?.reconstruction },
    { name: 'KL', color: kl, value: test?.kl },
  ]
  const entries = hasKl(spec) ? all : all.filter(({ color }) => color === reconstruction)
  entries.forEach(({ name, color, value }, i) => {
    const x = left + i * entryWidth
    sheet.context.fillStyle = color
    sheet.context.fillRect(x, 7, 18, 2)
    const label = value === undefined ? name : `${name} (test ${value.toFixed(2)})`
    sheet.text(label, x + 25, 8, { color: theme().text })
  })
}

import { Curve } from '../../../demo/curve.js'
import { History } from '../../../demo/history.js'
import { theme } from '../../../demo/theme.js'
import type { HistoryRow } from './history.js'
import { Sheet, type About } from './sheet.js'

const width = 860
const upperHeight = 330
const lowerHeight = 150
const legendHeight = 30
const entryWidth = 215
const left = 24
const bottom = 24

/** The demo's curve, large, with a legend and names on its axes. `totalName` is −ELBO, or what is nearest to it. */
export async function lossPicture(rows: readonly HistoryRow[], totalName: string, about: About): Promise<Blob> {
  const sheet = new Sheet(width, legendHeight + upperHeight + lowerHeight + bottom, about, {
    title: 'loss',
    caption: 'Lines: training, means over the steps since the point before. Dots: all test images.',
  })
  drawLegend(sheet, rows, totalName)
  let y = legendHeight
  for (const pane of await drawnPanes(rows)) {
    sheet.context.drawImage(pane.querySelector('canvas')!, left, y, pane.clientWidth, pane.clientHeight)
    sheet.text('nats per image', 6, y + pane.clientHeight / 2, { align: 'center', turned: true })
    y += pane.clientHeight
    pane.remove()
  }
  sheet.text('step (square-root scale)', left + (width - left) / 2, y + 14, { align: 'center' })
  return sheet.png()
}

/** The curve's upper and lower part, on the page. */
async function drawnPanes(rows: readonly HistoryRow[]): Promise<HTMLElement[]> {
  const [upper, lower] = [upperHeight, lowerHeight].map((height) => {
    const pane = document.createElement('div')
    pane.style.cssText = `width: ${width - left}px; height: ${height}px`
    document.body.append(pane)
    return pane
  })
  new Curve(historyOf(rows), [upper, lower], () => {})
  await new Promise((resolve) => setTimeout(resolve, 100)) // the plots draw once the script rests
  return [upper, lower]
}

function historyOf(rows: readonly HistoryRow[]): History {
  const history = new History()
  let before = 0
  rows.forEach(({ set, step, epoch, ...loss }, i) => {
    if (set === 'test') return
    const next = rows.at(i + 1) // a test row follows the training row of its step
    const validation = next?.set === 'test' ? next : undefined
    history.add({ step, epoch, steps: step - before, loss, validation, imagesPerSecond: 0, msPerStep: 0 })
    before = step
  })
  return history
}

function drawLegend(sheet: Sheet, rows: readonly HistoryRow[], totalName: string): void {
  const { total, reconstruction, kl } = theme()
  const test = rows.findLast(({ set }) => set === 'test')
  const entries = [
    { name: totalName, color: total, value: test && test.reconstruction + test.kl },
    { name: 'reconstruction', color: reconstruction, value: test?.reconstruction },
    { name: 'KL', color: kl, value: test?.kl },
  ]
  entries.forEach(({ name, color, value }, i) => {
    const x = left + i * entryWidth
    sheet.context.fillStyle = color
    sheet.context.fillRect(x, 7, 18, 2)
    const label = value === undefined ? name : `${name} (test ${value.toFixed(2)})`
    sheet.text(label, x + 25, 8, { color: theme().text })
  })
}

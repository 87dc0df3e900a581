import { theme } from '../drawing/theme.js'
import type { Sheet } from './sheet.js'

/** A place on a sheet. */
export type Place = [x: number, y: number]

/** What a legend takes beside a picture. */
export const legendWidth = 60

/** A dot for every image, in the colour of its class. */
export function drawPoints({ context }: Sheet, places: readonly Place[], labels: Uint8Array | undefined): void {
  context.globalAlpha = 0.6
  places.forEach((place, i) => {
    context.fillStyle = labels ? colorOf(labels[i]) : theme().quiet
    context.beginPath()
    context.arc(...place, 1.4, 0, 2 * Math.PI)
    context.fill()
  })
  context.globalAlpha = 1
}

/** Writes a class's name over its points. */
export function nameClass({ context }: Sheet, label: number, place: Place): void {
  context.font = '600 18px system-ui, sans-serif'
  context.textAlign = 'center'
  context.textBaseline = 'middle'
  context.lineWidth = 4
  context.lineJoin = 'round'
  context.strokeStyle = `rgb(${theme().paper})`
  context.fillStyle = colorOf(label)
  context.strokeText(String(label), ...place)
  context.fillText(String(label), ...place)
}

/** The classes and their colours, right of `x`. */
export function drawLegend(sheet: Sheet, x: number, classes: readonly number[]): void {
  classes.forEach((label, i) => {
    sheet.context.fillStyle = colorOf(label)
    sheet.context.fillRect(x + 18, 4 + i * 20, 10, 10)
    sheet.text(String(label), x + 36, 9 + i * 20, { color: theme().text })
  })
}

function colorOf(label: number): string {
  const { classes } = theme()
  return classes[label % classes.length]
}

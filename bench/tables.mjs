// @ts-check
// Tables in markdown, and how numbers stand in them.

/** @typedef {import('./results.js').Timing} Timing */

/** What an adapter calls itself. @param {import('./results.js').PageReport['adapter']} adapter */
export function adapterName({ vendor, architecture, device, description }) {
  const parts = [vendor, architecture, device, description].filter((part) => part !== '')
  return parts.length > 0 ? parts.join(' ') : 'unnamed adapter'
}

/** Median, minimum, spread. @param {Timing | undefined} timing */
export function timingCells(timing) {
  return timing ? [figure(timing.medianMs), figure(timing.minMs), percent(timing.spread)] : ['', '', '']
}

/** Three significant digits. @param {number | undefined} value */
export function figure(value) {
  if (value === undefined) return ''
  if (value === 0) return '0'
  return value >= 100 ? value.toFixed(0) : value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))))
}

/** @param {number} share */
export function percent(share) {
  return `${(100 * share).toFixed(0)} %`
}

/**
 * @param {string[]} head
 * @param {string[][]} rows
 * @param {number} numbers the first column that is set to the right
 */
export function table(head, rows, numbers) {
  const widths = head.map((title, c) => Math.max(title.length, 3, ...rows.map((row) => row[c].length)))
  /** @param {string[]} cells */
  const line = (cells) =>
    `| ${cells.map((cell, c) => (c >= numbers ? cell.padStart(widths[c]) : cell.padEnd(widths[c]))).join(' | ')} |`
  const rule = `|${widths.map((width, c) => (c >= numbers ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2))).join('|')}|`
  return [line(head), rule, ...rows.map(line)].join('\n')
}

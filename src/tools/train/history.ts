import { FormatError } from '../../errors.js'
import { checkSpec } from '../../model/check.js'
import { shownParts } from '../../model/loss-parts.js'
import type { VaeSpec } from '../../model/spec.js'
import type { Loss } from '../../train/evaluate.js'

/** One line of `history.csv`; losses in nats per image. */
export interface HistoryRow extends Loss {
  /** `train`: mean over the steps since the row before. `test`: all test images, after that step. */
  set: 'train' | 'test'
  step: number
  epoch: number
}

const FIRST = ['set', 'step', 'epoch', 'total', 'reconstruction', 'kl']

/** The columns of a model's `history.csv`: after those of every model the other parts of its loss. */
export function historyColumns(spec: VaeSpec): string[] {
  return [...new Set([...FIRST, ...shownParts(checkSpec(spec).lossParts)])]
}

/** The first line of `history.csv`. */
export function historyHeader(columns: readonly string[]): string {
  return `${columns.join(',')}\n`
}

/** Rows as lines of `history.csv`, to follow its header; a cell is empty where a row has no such part. */
export function formatHistory(rows: readonly HistoryRow[], columns: readonly string[]): string {
  const cells = (row: HistoryRow) => columns.map((column) => row[column as keyof HistoryRow] ?? '')
  return rows.map((row) => `${cells(row).join(',')}\n`).join('')
}

/** The rows of a `history.csv`; a last line that a killed command left unfinished is none. @throws FormatError */
export function parseHistory(text: string): HistoryRow[] {
  const [header, ...lines] = text.slice(0, text.lastIndexOf('\n') + 1).trimEnd().split(/\r?\n/)
  const columns = header.split(',')
  if (FIRST.some((name, i) => columns[i] !== name)) {
    throw new FormatError(`history.csv: opens with "${header}", needs ${FIRST.join(',')}, then other parts of the loss`)
  }
  return lines.map((line, i) => {
    const [set, ...cells] = line.split(',')
    const numbers = columns.slice(1).map((name, at): [string, number] => [name, Number(cells[at] || NaN)])
    const given = numbers.filter(([name], at) => FIRST.includes(name) || cells[at] !== '')
    if ((set !== 'train' && set !== 'test') || cells.length !== numbers.length || given.some(([, v]) => Number.isNaN(v))) {
      const needed = `${numbers.length} numbers`
      throw new FormatError(`history.csv:${i + 2}: needs train or test and ${needed}, got "${line}"`)
    }
    return { set, ...Object.fromEntries(given) } as unknown as HistoryRow
  })
}

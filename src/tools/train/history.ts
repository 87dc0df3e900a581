import { FormatError } from '../../errors.js'
import type { Loss } from '../../train/evaluate.js'

/** One line of `history.csv`; losses in nats per image. */
export interface HistoryRow extends Loss {
  /** `train`: mean over the steps since the row before. `test`: all test images, after that step. */
  set: 'train' | 'test'
  step: number
  epoch: number
}

const columns = ['set', 'step', 'epoch', 'total', 'reconstruction', 'kl'] as const

/** The first line of `history.csv`. */
export const historyHeader = `${columns.join(',')}\n`

/** Rows as lines of `history.csv`, to follow its header. */
export function formatHistory(rows: readonly HistoryRow[]): string {
  return rows.map((row) => `${columns.map((column) => row[column]).join(',')}\n`).join('')
}

/** The rows of a `history.csv`; a last line that a killed command left unfinished is none. @throws FormatError */
export function parseHistory(text: string): HistoryRow[] {
  const [header, ...lines] = text.slice(0, text.lastIndexOf('\n') + 1).trimEnd().split(/\r?\n/)
  if (`${header}\n` !== historyHeader) {
    throw new FormatError(`history.csv: opens with "${header}", needs ${historyHeader.trimEnd()}`)
  }
  return lines.map((line, i) => {
    const [set, ...cells] = line.split(',')
    const [step, epoch, total, reconstruction, kl] = cells.map(Number)
    if ((set !== 'train' && set !== 'test') || cells.length !== 5 || cells.map(Number).some(Number.isNaN)) {
      throw new FormatError(`history.csv:${i + 2}: needs train or test and five numbers, got "${line}"`)
    }
    return { set, step, epoch, total, reconstruction, kl }
  })
}

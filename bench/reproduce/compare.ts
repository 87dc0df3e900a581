import type { HistoryRow } from '../../src/tools/train/history.js'
import type { Length, Published } from './reproduction.js'

/** Ours beside a published figure; nats per image. */
export interface Figure {
  quantity: Published['quantity']
  epoch?: number
  klWeight: number
  source: string
  published: readonly number[]
  ours: number
  /** −ELBO of the same images at the same time; nothing for a bound. */
  negativeElbo?: number
}

/** What is needed to know how many images a row of the history is the mean of. */
export interface Pass {
  batchSize: number
  /** Training images. */
  count: number
}

/** What a run came to, for every published figure that it got as far as. */
export function compare(
  rows: readonly HistoryRow[],
  testBound: number | undefined,
  length: Length,
  pass: Pass,
): Figure[] {
  return length.published.flatMap(({ quantity, epoch, klWeight, source, values }) => {
    const figure = { quantity, epoch, klWeight, source, published: values }
    if (quantity === 'bound') return testBound === undefined ? [] : [{ ...figure, ours: testBound }]
    const found = quantity === 'test' ? testRow(rows, epoch!, pass) : epochMean(rows, epoch!, pass)
    if (!found) return []
    const { reconstruction, kl } = found
    return [{ ...figure, ours: reconstruction + klWeight * kl, negativeElbo: reconstruction + kl }]
  })
}

/** The test images after a whole epoch. */
function testRow(rows: readonly HistoryRow[], epoch: number, pass: Pass): HistoryRow | undefined {
  return rows.find(({ set, step }) => set === 'test' && step === epoch * stepsOf(pass))
}

/** Mean over the training images of an epoch, each as the model was when it came to it; undefined before its end. */
export function epochMean(
  rows: readonly HistoryRow[],
  epoch: number,
  pass: Pass,
): { reconstruction: number; kl: number } | undefined {
  const [first, last] = [(epoch - 1) * stepsOf(pass), epoch * stepsOf(pass)]
  const sums = { reconstruction: 0, kl: 0 }
  let before = first
  for (const { set, step, reconstruction, kl } of rows) {
    if (set !== 'train' || step <= first || step > last) continue
    const missing = step === last ? stepsOf(pass) * pass.batchSize - pass.count : 0 // of the last, shorter batch
    const images = (step - before) * pass.batchSize - missing
    sums.reconstruction += reconstruction * images
    sums.kl += kl * images
    before = step
  }
  return before === last ? { reconstruction: sums.reconstruction / pass.count, kl: sums.kl / pass.count } : undefined
}

function stepsOf({ batchSize, count }: Pass): number {
  return Math.ceil(count / batchSize)
}

/** The figures as a table in Markdown. */
export function table(figures: readonly Figure[], testSamples: number | undefined): string {
  const lines = figures.map(({ quantity, epoch, klWeight, source, published, ours, negativeElbo }) => {
    const name = {
      test: `test, after epoch ${epoch}`,
      training: `training, mean over epoch ${epoch}`,
      bound: `test −log p(x), ${testSamples} samples`,
    }[quantity]
    const weighted = klWeight === 1 ? '' : `: reconstruction + ${klWeight} · KL`
    return [name + weighted, ours.toFixed(2), published.join(', '), negativeElbo?.toFixed(2) ?? '', source]
  })
  const rows = [['nats per image', 'ours', 'published', 'our −ELBO', 'published in'], ['---', '---', '---', '---', '---'], ...lines]
  return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

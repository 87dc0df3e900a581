import { join } from 'node:path'
import { formatHistory, historyColumns, historyHeader, type HistoryRow } from './history.js'
import { lossLine } from './loss-words.js'
import type { Job, Outcome, PriorReport, Report } from './messages.js'
import { Progress, withCommas } from './progress.js'
import { Appended } from './write-file.js'

/** What the command says while the page works, and `history.csv`. */
export class RunLog {
  private readonly progress = new Progress(process.stderr)
  private readonly historyPath: string
  private readonly columns: string[]
  private history: Appended | undefined

  constructor(private readonly job: Job, private readonly folder: string) {
    this.columns = historyColumns(job.spec)
    this.historyPath = join(folder, 'history.csv')
  }

  async report(report: Report): Promise<void> {
    if (report.type === 'ready') {
      this.say(`${withCommas(report.parameterCount)} parameters · ${report.adapter}`)
      return
    }
    if (report.type === 'prior') return this.reportPrior(report)
    await this.addRows(report.rows)
    for (const row of report.rows) if (row.set === 'test') this.say(this.testLine(row))
    const { epoch } = report.rows.at(-1)!
    this.progress.update({ ...report, epoch, batchSize: this.job.batchSize })
  }

  private reportPrior({ testBitsPerCode: bits, bitsPerCode, ...report }: PriorReport): void {
    const { epoch, step } = report
    if (bits !== undefined) this.say(`prior, epoch ${epoch}, step ${withCommas(step)}: ${bits.toFixed(3)} bits per test code`)
    this.progress.update({ ...report, loss: bitsPerCode, batchSize: this.job.batchSize })
  }

  /** Prints a line above the progress bar. */
  say(line: string): void {
    this.clear()
    console.log(line)
  }

  stopping(): void {
    this.say('Stopping after the steps under way; the model and the pictures follow. Once more leaves at once.')
  }

  async end({ step, test, auroc, errors, prior, pictures, failure }: Outcome, interrupted: boolean): Promise<void> {
    await this.addRows(test ? [test] : [])
    if (test) this.say(this.testLine(test))
    const { anomaly } = this.job
    if (auroc !== undefined) {
      this.say(`class ${anomaly!.label}, which training has not seen, by the reconstruction loss: AUROC ${auroc.toFixed(3)}`)
    }
    if (errors) {
      const [model, alone] = [errors.model, errors.labelsAlone].map((share) => `${(100 * share).toFixed(2)} %`)
      this.say(`test error ${model}; of the classifier trained on the known labels alone ${alone}`)
    }
    if (prior) {
      const [learned, alone] = [prior.bitsPerCode, prior.independentBitsPerCode].map((bits) => bits.toFixed(3))
      this.say(`a code of the test images costs ${learned} bits under the prior, if each were drawn alone at least ${alone}`)
    }
    this.clear()
    if (failure) console.error(failure)
    const how = failure ? 'Broke off' : `${interrupted ? 'Stopped' : 'Done'} at step ${withCommas(step)}`
    this.say(`${how}. In ${this.folder}: ${['model.safetensors', 'history.csv', ...pictures].join(', ')}`)
  }

  clear(): void {
    this.progress.clear()
  }

  async close(): Promise<void> {
    await this.history?.close()
  }

  private async addRows(rows: HistoryRow[]): Promise<void> {
    const { columns, historyPath, job } = this
    if (this.history) return this.history.add(formatHistory(rows, columns))
    const text = historyHeader(columns) + formatHistory([...job.earlier, ...rows], columns)
    this.history = await Appended.begin(historyPath, text)
  }

  private testLine(row: HistoryRow): string {
    return `epoch ${row.epoch}, step ${withCommas(row.step)}: test ${lossLine(this.job.spec, row)}`
  }
}

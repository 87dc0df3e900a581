import { join } from 'node:path'
import { createEngine } from '../../node.js'
import { chooseSoftware } from '../command/software.js'
import { CommandError } from './failure.js'
import { makeFolder, type Ended, type Setting } from './headless.js'
import { onInterrupt } from './interrupt.js'
import { drawInProcess, leftOut } from './plain-pictures.js'
import type { Job } from './messages.js'
import { RunLog } from './run-log.js'
import { adapterName, work, type Stoppable } from './work.js'
import { writeWhole } from './write-file.js'

/**
 * Works on a job in this process, with the pictures that need no canvas. Ctrl-C, SIGTERM and SIGHUP stop it as in a
 * page.
 * @throws CommandError where a file cannot be written; UnsupportedError without WebGPU, that says what to install
 */
export async function trainInProcess(
  job: Job,
  { data, resumed, codes, folder, adapter: asked }: Omit<Setting, 'host'>,
): Promise<Ended> {
  if (asked === 'software') chooseSoftware()
  await makeFolder(folder)
  const engine = await createEngine()
  const log = new RunLog(job, folder)
  let run: Stoppable | undefined
  let interrupted = 0
  const stop = (code: number) => {
    interrupted = code
    log.stopping()
    run?.stop().catch(() => {}) // told by whoever follows the run
  }
  const uninterrupt = onInterrupt(stop, (code) => process.exit(code))
  try {
    const adapter = adapterName(engine)
    if (engine.isSoftware && job.softwareRefusal) throw new CommandError(`${adapter}: ${job.softwareRefusal}`)
    const begunMs = performance.now()
    const outcome = await work(engine, job, {
      train: data.train,
      test: data.test,
      resumed: resumed?.bytes,
      codes,
      begun(begun) {
        run = begun
        if (interrupted) stop(interrupted)
      },
      report: (report) => log.report(report),
      save: (file) => writeWhole(join(folder, 'model.safetensors'), [file]),
      draw(vae, _rows, _about, brokeOff, { scores, coder }) {
        const left = leftOut(vae.spec, scores !== undefined)
        log.say(`Left out, as only a page draws them: ${left.join(', ')}`)
        return coder ? Promise.resolve([]) : drawInProcess(vae, data.test, folder, brokeOff)
      },
    })
    await log.end(outcome, interrupted > 0)
    const seconds = (performance.now() - begunMs) / 1000
    return { ...outcome, code: outcome.failure ? 1 : interrupted, adapter, seconds }
  } finally {
    uninterrupt()
    log.clear()
    engine.destroy()
    await log.close()
  }
}

// Runs that are interrupted, in a browser of their own: its GPU process is killed, its pages are closed.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'puppeteer-core'
import * as assert from 'uvu/assert'
import { threefry2x32, uniformFromBits } from '../../src/random.js'
import { launchBrowser, type Launched } from '../../src/tools/browser.mjs'
import { serve } from '../../src/tools/serve.mjs'
import { beside } from './beside.js'
import type { InterruptedRun, Interruption, Outcome } from './interrupted-training.js'

const KINDS: readonly Interruption[] = ['gpu-process', 'page', 'device', 'signal']

/** A browser for interruptions, and where its pages are. */
class InterruptionBrowser {
  private constructor(
    private readonly launched: Launched,
    private readonly url: string,
    private readonly cleanup: () => Promise<void>,
  ) {}

  static async open(): Promise<InterruptionBrowser> {
    const folder = await mkdtemp(join(tmpdir(), 'elbo-interruptions-'))
    const { bundle }: typeof import('../../build.mjs') = await beside('build.mjs')
    const outfile = join(folder, 'page.js')
    await bundle({ entryPoints: ['test/support/interrupted-training.ts'], outfile, sourcemap: false })
    await writeFile(join(folder, 'index.html'), '<!doctype html><script type="module" src="page.js"></script>')
    const server = await serve({ mounts: { '/': folder } })
    // Else Chrome gives no adapter for two minutes after the second crash of its GPU process.
    const args = ['--disable-gpu-process-crash-limit', '--disable-domain-blocking-for-3d-apis']
    const launched = await launchBrowser({ args })
    return new InterruptionBrowser(launched, server.origin, async () => {
      await launched.close()
      await server.close()
      await rm(folder, { recursive: true, force: true })
    })
  }

  /** One run to its end, in as many pages as it takes. */
  async run(given: InterruptedRun): Promise<Outcome> {
    const first = await this.page()
    await first.evaluate(async () => {
      const root = await navigator.storage.getDirectory()
      for await (const name of root.keys()) await root.removeEntry(name, { recursive: true })
    })
    let closed: () => void = () => {}
    const closing = new Promise<'closed'>((resolve) => (closed = () => resolve('closed')))
    await first.exposeFunction('interrupt', async (kind: Interruption) => {
      if (kind === 'gpu-process') return this.crashGpuProcess()
      closed()
    })
    const training = first.evaluate((run) => interruptedTraining(run), given)
    training.catch(() => {}) // of a page that is closed
    const outcome = await Promise.race([training, closing])
    await first.close()
    if (outcome !== 'closed') return outcome
    const second = await this.page()
    const whole = { ...given, interruption: undefined }
    const rest = await second.evaluate((run) => interruptedTraining(run), whole)
    await second.close()
    return rest
  }

  close(): Promise<void> {
    return this.cleanup()
  }

  private async page(): Promise<Page> {
    const page = await this.launched.browser.newPage()
    await page.goto(`${this.url}/`)
    await page.waitForFunction('globalThis.interruptedTraining')
    return page
  }

  private async crashGpuProcess(): Promise<void> {
    const session = await this.launched.browser.target().createCDPSession()
    await session.send('Browser.crashGpuProcess').catch(() => {})
    await session.detach().catch(() => {})
  }
}

/**
 * Interrupts runs at steps drawn from the seed, each kind in turn, and expects of every one the bits of the run that
 * was not.
 */
export async function expectSurvival({ model, steps }: InterruptedRun, count: number, seed: number): Promise<void> {
  const browser = await InterruptionBrowser.open()
  try {
    const whole = await browser.run({ model, steps })
    assert.is(whole.step, steps)
    for (let i = 0; i < count; i++) {
      const kind = KINDS[i % KINDS.length]
      const atStep = 1 + Math.floor(uniformFromBits(threefry2x32(seed, 0, i, 0)[0]) * (steps - 1))
      const what = `${model}, ${kind} at step ${atStep}`
      const outcome = await browser.run({ model, steps, interruption: { kind, atStep } }).catch((error) => {
        throw new Error(`${what}: ${error.message}`, { cause: error })
      })
      assert.is(outcome.step, steps, what)
      assert.is(outcome.hash, whole.hash, `${what}: other bits than those of the run that was not interrupted`)
      if (kind === 'device' || kind === 'gpu-process') assert.is(outcome.lostSteps.length, 1, `${what}: tells no loss`)
    }
  } finally {
    await browser.close()
  }
}

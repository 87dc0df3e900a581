// The demo learns for half an hour (ELBO_SOAK_MINUTES) while somebody plays with it: nothing grows, nothing slows down.
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { CDPSession } from 'puppeteer-core'
import * as assert from 'uvu/assert'
import { suite } from '../../harness/suite.js'
import { DemoPage } from '../../support/demo-page.js'

const soak = suite('half an hour of learning')

const MINUTES = Number(process.env.ELBO_SOAK_MINUTES ?? 30)
const MB = 2 ** 20

/** A worker that counts the buffers that live. */
const countBuffers = `
  const { createBuffer } = GPUDevice.prototype
  globalThis.liveBuffers = new Set()
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor)
    liveBuffers.add(buffer)
    return buffer
  }
  const { destroy } = GPUBuffer.prototype
  GPUBuffer.prototype.destroy = function () {
    liveBuffers.delete(this)
    return destroy.call(this)
  }`

/** What there is at one moment. */
interface Sample {
  minutes: number
  step: number
  buffers: number
  heapBytes: number
}

/** Bytes in use once garbage is collected. */
async function heapBytes(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage')
  return (await session.send('Runtime.getHeapUsage')).usedSize
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]
}

/** The slope of a straight line through points. */
function slope(points: readonly [x: number, y: number][]): number {
  const mean = (of: (point: [number, number]) => number) => points.reduce((sum, p) => sum + of(p), 0) / points.length
  const [x, y] = [mean((point) => point[0]), mean((point) => point[1])]
  return mean((point) => (point[0] - x) * (point[1] - y)) / mean((point) => (point[0] - x) ** 2)
}

/** What somebody does with the page: looks around, draws, samples, saves. */
async function play(demo: DemoPage, round: number): Promise<void> {
  const at = (round * 0.37) % 1
  await demo.drag('#plane', [[at, 0.4], [1 - at, 0.6]], false)
  await demo.drag('#pad', [[0.5, 0.1], [0.3 + 0.4 * at, 0.5], [0.4, 0.9]], true)
  await demo.page.click('#clear')
  if (round % 4 === 0) await demo.page.click('#save')
  await wait(500)
}

soak('keeps buffers, heap and step time as they are', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'elbo-soak-'))
  const demo = await DemoPage.open({ workerPrelude: countBuffers })
  try {
    const { page } = demo
    const session = await page.createCDPSession()
    await session.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: folder })
    await demo.learned(50)
    const worker = page.workers()[0]
    const samples: Sample[] = []
    const begun = performance.now()
    const minutes = () => (performance.now() - begun) / 60_000
    for (let round = 0; minutes() < MINUTES; round++) {
      await play(demo, round)
      const bytes = (await heapBytes(session)) + (await heapBytes(worker.client))
      const buffers = Number(await worker.evaluate('liveBuffers.size'))
      const step = await demo.number('number-step')
      samples.push({ minutes: minutes(), step, buffers, heapBytes: bytes })
      for (const name of await readdir(folder)) await rm(join(folder, name), { force: true })
      await wait(Math.max(0, (round + 1) * 10_000 - 60_000 * minutes()))
    }
    // The first fifth compiles, fills caches, and finds how many steps fit a submission.
    const settled = samples.slice(Math.floor(samples.length / 5))
    const third = Math.ceil(settled.length / 3)
    const rates = settled.slice(1).map((sample, i) => {
      return (sample.step - settled[i].step) / (sample.minutes - settled[i].minutes)
    })
    const growth = (60 * slope(settled.map((sample) => [sample.minutes, sample.heapBytes]))) / MB
    const ratio = median(rates.slice(0, third)) / median(rates.slice(-third))
    const buffers = settled.map((sample) => sample.buffers)
    const told = `${Math.round(median(rates))} steps a minute; a step takes ${ratio.toFixed(3)} of what it took; ` +
      `${Math.min(...buffers)} to ${Math.max(...buffers)} buffers; heap ${(settled.at(-1)!.heapBytes / MB).toFixed(2)} MB, ` +
      `${growth.toFixed(2)} MB an hour`
    console.log(told)
    assert.equal(demo.errors, [])
    // Those of a read-back that is under way come and go.
    assert.ok(median(buffers.slice(-third)) <= median(buffers.slice(0, third)), told)
    assert.ok(growth < 0.5, told)
    assert.ok(Math.abs(ratio - 1) < 0.05, told)
  } finally {
    await demo.page.close()
    await rm(folder, { recursive: true, force: true })
  }
})

soak.run()

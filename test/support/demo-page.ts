import { setTimeout } from 'node:timers/promises'
import puppeteer, { type Browser, type ElementHandle, type Page } from 'puppeteer-core'

/** The demo in a page of the runner's browser. */
export class DemoPage {
  /** Everything the console or an uncaught error said. */
  readonly errors: string[] = []

  private constructor(readonly page: Page) {
    page.on('pageerror', (error) => this.errors.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text())
    })
  }

  /** @param workerPrelude code that the worker runs before it hears from the page */
  static async open({ hash = '', width = 1280, height = 800, workerPrelude = '' } = {}): Promise<DemoPage> {
    const demo = new DemoPage(await (await connected()).newPage())
    const { page } = demo
    await page.setViewport({ width, height })
    if (workerPrelude) {
      await page.setBypassCSP(true) // the prelude makes the worker's program a blob
      await page.evaluateOnNewDocument(wrapWorker, workerPrelude)
    }
    await page.goto(`${process.env.ELBO_TEST_ORIGIN}/${hash}`)
    return demo
  }

  /** Resolves once `condition` holds in the page; otherwise says what the page showed instead. */
  async until(what: string, condition: string, timeoutMs = 60_000): Promise<void> {
    // Puppeteer's waitForFunction evaluates in the page, which the page's Content-Security-Policy forbids.
    for (const start = performance.now(); performance.now() - start < timeoutMs; await setTimeout(50)) {
      if (await this.page.evaluate(condition)) return
    }
    const shown = await this.page.evaluate(() => document.body.innerText)
    throw new Error(`${what}: not within ${timeoutMs / 1000} s. The page: ${shown}`)
  }

  /** Resolves once that many updates are done. */
  learned(steps: number): Promise<void> {
    return this.until(`step ${steps}`, `${readNumber('number-step')} >= ${steps}`)
  }

  /** Resolves once a canvas shows more than one colour. */
  painted(selector: string): Promise<void> {
    return this.until(`something on ${selector}`, `(${colourCount})(document.querySelector('${selector}')) > 1`)
  }

  paused(): Promise<void> {
    return this.until('paused', `document.querySelector('#toggle:enabled')?.textContent === 'Start'`)
  }

  /** Chooses files in an input. */
  async upload(selector: string, files: string[]): Promise<void> {
    await ((await this.page.$(selector)) as ElementHandle<HTMLInputElement>).uploadFile(...files)
  }

  text(selector: string): Promise<string> {
    return this.page.$eval(selector, (element) => element.textContent ?? '')
  }

  /** Width and height of all that can be scrolled to. */
  size(): Promise<number[]> {
    return this.page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight])
  }

  number(id: string): Promise<number> {
    return this.page.evaluate(readNumber(id)) as Promise<number>
  }

  value(selector: string): Promise<string> {
    return this.page.$eval(selector, (element) => (element as HTMLInputElement).value)
  }

  /** Different colours on a canvas: 1 when it is blank. */
  colours(selector: string): Promise<number> {
    return this.page.$eval(selector, colourCount)
  }

  /** A canvas's content, to compare. */
  picture(selector: string): Promise<string> {
    return this.page.$eval(selector, (element) => (element as HTMLCanvasElement).toDataURL())
  }

  /** Moves the mouse over an element along points from 0 to 1, pressed or not. */
  async drag(selector: string, points: [x: number, y: number][], pressed: boolean): Promise<void> {
    const element = (await this.page.$(selector))!
    await element.scrollIntoView()
    const box = (await element.boundingBox())!
    for (const [i, [x, y]] of points.entries()) {
      await this.page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: 3 })
      if (i === 0 && pressed) await this.page.mouse.down()
    }
    if (pressed) await this.page.mouse.up()
  }

  /** Sends the worker a message that its prelude understands. */
  tellWorker(message: string): Promise<void> {
    return this.page.evaluate((text) => Reflect.get(window, 'demoWorker').postMessage(text), message)
  }
}

/** A worker without WebGPU, as in a browser that has none. */
export const withoutWebGpu = `Object.defineProperty(navigator, 'gpu', { value: undefined })`

/** A worker whose device goes away when it is told 'lose the device'. */
export const losableDevice = `
  const requestDevice = GPUAdapter.prototype.requestDevice
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    const device = await requestDevice.call(this, descriptor)
    addEventListener('message', ({ data }) => data === 'lose the device' && device.destroy())
    return device
  }`

/** 32-bit words as the headers of IDX files have them. */
export function bigEndian(...words: number[]): Buffer {
  const buffer = Buffer.alloc(4 * words.length)
  words.forEach((word, i) => buffer.writeUInt32BE(word, 4 * i))
  return buffer
}

/** Runs in the page. */
function colourCount(element: Element): number {
  const { width, height } = element as HTMLCanvasElement
  if (width * height === 0) return 0
  const { data } = (element as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height)
  return new Set(new Uint32Array(data.buffer)).size
}

function readNumber(id: string): string {
  return `Number(document.getElementById('${id}').textContent.replaceAll(',', ''))`
}

/** Runs in the page: its workers are remembered, and begin with the prelude. */
function wrapWorker(prelude: string): void {
  const Original = Worker
  window.Worker = class extends Original {
    constructor(url: string | URL, options?: WorkerOptions) {
      const program = new Blob([`import ${JSON.stringify(String(url))}\n${prelude}`], { type: 'text/javascript' })
      super(URL.createObjectURL(program), options)
      Object.assign(window, { demoWorker: this })
    }
  }
}

let browser: Promise<Browser> | undefined

function connected(): Promise<Browser> {
  return (browser ??= puppeteer.connect({ browserWSEndpoint: process.env.ELBO_TEST_BROWSER, protocolTimeout: 0 }))
}

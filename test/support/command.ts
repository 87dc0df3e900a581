// The commands from end to end: each in its own process and browser.
import { spawn } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { subset, type Dataset } from '../../src/data/dataset.js'
import { glyphs } from '../../src/data/glyphs.js'
import { browser } from '../harness/page.js'

/** What may happen to a command while it runs. */
export interface Meanwhile {
  /** Called at once; may send signals. */
  meanwhile?: (signal: (name: NodeJS.Signals) => void) => void
  env?: Record<string, string>
}

/** Runs a command's script to its end. Resolves to all that it said; the code is null where a signal ended it. */
export async function runCommand(script: string, args: string[], { meanwhile, env }: Meanwhile = {}) {
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  const end = () => void child.kill('SIGKILL')
  process.on('exit', end)
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part) => (text += part))
  meanwhile?.((name) => child.kill(name))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  process.off('exit', end)
  return { code, text }
}

/** Decodes a picture in the runner's browser. */
export async function look(png: Uint8Array): Promise<{ width: number; height: number; colors: number; inked: number }> {
  const page = await browser.newPage()
  try {
    return await page.evaluate(async (base64) => {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
      const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }))
      const { width, height } = bitmap
      const context = new OffscreenCanvas(width, height).getContext('2d')!
      context.drawImage(bitmap, 0, 0)
      const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer)
      const inked = pixels.reduce((count, pixel) => count + Number(pixel !== pixels[0]), 0) / pixels.length
      return { width, height, colors: new Set(pixels).size, inked }
    }, Buffer.from(png).toString('base64'))
  } finally {
    await page.close()
  }
}

/** A folder for a file's tests, and one in it with drawn digits in MNIST's files. */
export async function folderWithDigits(name: string, count: { train: number; test: number }) {
  const folder = await mkdtemp(join(tmpdir(), `elbo-${name}-`))
  const data = await mkdtemp(join(folder, 'data-'))
  const all = glyphs({ count: count.train + count.test, seed: 1 })
  await writeIdx(data, 'train', subset(all, 0, count.train))
  await writeIdx(data, 't10k', subset(all, count.train))
  return { folder, data }
}

/** Writes a set as MNIST's files are called. */
async function writeIdx(folder: string, name: string, set: Dataset<Uint8Array>): Promise<void> {
  const { images, labels, shape, count } = set
  const header = (magic: number, sizes: number[]) => {
    const bytes = new DataView(new ArrayBuffer(4 + 4 * sizes.length))
    ;[magic, ...sizes].forEach((value, i) => bytes.setUint32(4 * i, value))
    return new Uint8Array(bytes.buffer)
  }
  const [height, width] = shape
  const write = (kind: string, head: Uint8Array, body: Uint8Array) =>
    writeFile(join(folder, `${name}-${kind}-ubyte`), Buffer.concat([head, body]))
  await write('images-idx3', header(0x803, [count, height, width]), images)
  await write('labels-idx1', header(0x801, [count]), labels!)
}

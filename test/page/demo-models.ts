// The demo page with the models whose pictures are of another kind: conditional ones and vector-quantised ones.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { coloured } from '../../demo/coloured.js'
import { styleGrid } from '../../src/tools/drawing/grids.js'
import { presetNames, presetOf, specOf } from '../../demo/models.js'
import { normals } from '../../src/tools/drawing/random.js'
import { glyphs } from '../../src/data/glyphs.js'
import { suite } from '../harness/suite.js'
import { bigEndian, DemoPage } from '../support/demo-page.js'

const parts = suite('demo models › parts')
const classes = suite('demo models › conditional')
const codes = suite('demo models › codes')

let demo: DemoPage
let folder: string

const close = () => demo?.page.close()

parts('a row of the grid is one style in every class', () => {
  const { latents, labels } = styleGrid(Float32Array.of(1, 2, 3, 4, 5, 6), 3, 4)
  assert.equal(labels, [0, 1, 2, 3, 0, 1, 2, 3])
  assert.equal([...latents.subarray(0, 12)], [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3])
  assert.equal([...latents.subarray(12)], [4, 5, 6, 4, 5, 6, 4, 5, 6, 4, 5, 6])
})

parts('styles are normal, and of their seed alone', () => {
  const [draws, others] = [normals(4_000, 1), normals(4_000, 2)]
  assert.equal(draws.subarray(0, 10), normals(10, 1))
  const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value / values.length, 0)
  assert.ok(Math.abs(mean(draws)) < 0.06, `mean ${mean(draws)}`) // 4 deviations of a mean of 4000
  assert.ok(Math.abs(mean(draws.map((z) => z * z)) - 1) < 0.09, 'variance')
  assert.ok(Math.abs(mean(draws.map((z, i) => z * others[i]))) < 0.06, 'seeds are unrelated')
})

parts('coloured glyphs keep their labels, their shape in the middle, and have ink and paper of their own', () => {
  const grey = glyphs({ count: 20, seed: 1 })
  const { images, shape, labels } = coloured(grey, 1)
  assert.equal(shape, [32, 32, 3])
  assert.equal(labels, grey.labels)
  const pixel = (image: number, row: number, column: number) => {
    return [...images.subarray(3 * ((image * 32 + row) * 32 + column)).subarray(0, 3)]
  }
  const darkest = grey.images.subarray(0, 784).indexOf(255)
  assert.equal(pixel(0, 0, 0), pixel(0, 31, 31))
  assert.ok(Math.max(...pixel(0, 2 + Math.floor(darkest / 28), 2 + (darkest % 28))) < Math.max(...pixel(0, 0, 0)))
  assert.is.not(String(pixel(0, 0, 0)), String(pixel(1, 0, 0)))
})

parts('a saved model is known again, as narrow as it may be', () => {
  for (const name of presetNames) {
    for (const software of [false, true]) {
      assert.is(presetOf(JSON.parse(JSON.stringify(specOf(name, software)))), name)
    }
  }
  assert.is(presetOf({ ...specOf('mlp', false), klWeight: 2 }), undefined)
})

classes.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'elbo-demo-'))
  demo = await DemoPage.open({ hash: '#model=conditional' })
  await demo.learned(3)
  await demo.page.click('#toggle')
  await demo.paused()
})
classes.after(async () => {
  await close()
  await rm(folder, { recursive: true, force: true })
})

classes('show a column a label: the same style comes out otherwise', async () => {
  const [zero, one, below] = await tiles('#grid', [0, 1, 10])
  assert.is.not(zero, one)
  assert.is.not(zero, below)
  assert.is(await demo.page.$$eval('#labels input', (radios) => radios.length), 10)
  assert.match(await demo.text('#snippet'), /presets\.conditional/)
})

classes('fit one screen, and a phone without scrolling sideways', async () => {
  assert.equal(await demo.size(), [1280, 800])
  await demo.page.setViewport({ width: 390, height: 844 })
  assert.is((await demo.size())[0], 390)
  await demo.page.setViewport({ width: 1280, height: 800 })
})

classes('take new styles, also while paused', async () => {
  const before = await demo.picture('#grid')
  await demo.page.click('#new-styles')
  await demo.until('other styles', `document.getElementById('grid').toDataURL() !== ${JSON.stringify(before)}`)
})

classes('are chosen by keys, by the grid and by a test image, and sweep the plane', async () => {
  const before = await demo.picture('#probe')
  await demo.page.focus('#labels input')
  await demo.page.keyboard.press('ArrowRight')
  await demo.until('another digit', `document.getElementById('probe').toDataURL() !== ${JSON.stringify(before)}`)
  assert.is(await demo.text('#seen-text'), 'goes in as 1')
  await demo.page.click('#originals button:nth-child(7)')
  assert.is(await demo.text('#seen-text'), 'goes in as 6')
  await demo.drag('#grid', [[0.45, 0.5]], true)
  assert.is(await demo.text('#seen-text'), 'goes in as 4')
})

classes('show the style of a drawing in all ten', async () => {
  await demo.drag('#pad', [[0.5, 0.1], [0.45, 0.5], [0.4, 0.9]], true)
  await demo.until('ten digits', `document.getElementById('understood').width === 140`)
  await demo.until('not blank', `document.querySelector('#understood').toDataURL().length > 1000`)
  const [zero, seven] = await tiles('#understood', [0, 7])
  assert.is.not(zero, seven)
})

classes('that files lack are missed in words, and another model learns them', async () => {
  const file = join(folder, 'train-images-idx3-ubyte')
  await writeFile(file, Buffer.concat([bigEndian(0x803, 600, 28, 28), glyphs({ count: 600, seed: 5 }).images]))
  await demo.upload('#idx-files', [file])
  await demo.until('what is missing', `/learns from labels/.test(document.getElementById('banner-text').textContent)`)
  assert.is(await demo.value('#preset'), 'mlp')
  assert.is(await demo.value('#data'), 'files')
  assert.is(await demo.page.$eval('#labels', (labels) => (labels as HTMLElement).hidden), true)
  await demo.learned(1)
})

classes('leave nothing to complain about', () => assert.equal(demo.errors, []))

codes.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'elbo-demo-'))
  demo = await DemoPage.open({ hash: '#model=vectorQuantized' })
  await demo.learned(2)
})
codes.after(async () => {
  await close()
  await rm(folder, { recursive: true, force: true })
})

codes('are counted while they are learned, and the KL has no place', async () => {
  assert.ok((await demo.number('perplexity')) >= 1)
  assert.ok((await demo.number('codes-used')) >= 1)
  assert.is(await demo.text('#code-count'), '512')
  assert.is(await demo.text('#code-name'), 'quantization')
  assert.is(await demo.page.$eval('#kl', (kl) => (kl as HTMLElement).checkVisibility()), false)
  assert.is(await demo.page.$eval('#plane', (plane) => (plane as HTMLElement).checkVisibility()), false)
})

codes('come with what they draw, and with what is not learned said', async () => {
  for (const canvas of ['#originals canvas', '#reconstructions', '#grid', '#codes', '#probe', '#lower-pane canvas']) {
    await demo.painted(canvas)
  }
  assert.match(await demo.text('#grid-text'), /no prior is learned/)
  if (/swiftshader/i.test(await demo.text('#adapter'))) assert.match(await demo.text('#in-and-out-text'), /16 channels wide/)
})

codes('fit one screen, and a phone without scrolling sideways', async () => {
  assert.equal(await demo.size(), [1280, 800])
  await demo.page.setViewport({ width: 390, height: 844 })
  assert.is((await demo.size())[0], 390)
  await demo.page.setViewport({ width: 1280, height: 800 })
})

codes('of a drawing are mapped, and chosen by keys', async () => {
  const seen = await demo.picture('#seen')
  await demo.drag('#pad', [[0.5, 0.1], [0.45, 0.5], [0.4, 0.9]], true)
  assert.is.not(await demo.picture('#seen'), seen)
  await demo.page.click('#toggle')
  await demo.paused()
  await demo.painted('#codes')
  assert.match(await demo.text('#code-text'), /^Code \d+, in \d+ of 64 places/)
  await demo.page.focus('#codes')
  const before = await demo.picture('#codes')
  await demo.page.keyboard.press('ArrowLeft')
  assert.is.not(await demo.picture('#codes'), before)
})

codes('of CIFAR files are learned; models that cannot, take glyphs and say why', async () => {
  const file = join(folder, 'data_batch_1.bin')
  await writeFile(file, Buffer.from(Uint8Array.from({ length: 3073 * 40 }, (_, i) => (i % 3073 === 0 ? i % 10 : i))))
  await demo.upload('#idx-files', [file])
  await demo.until('the files', `document.getElementById('data').value === 'files'`)
  await demo.learned(1)
  assert.match(await demo.text('#snippet'), /elbo\.cifar/)
  await demo.page.select('#preset', 'mlp')
  await demo.until('why not', `/32 × 32 × 3/.test(document.getElementById('banner-text').textContent)`)
  assert.is(await demo.value('#data'), 'glyphs')
  await demo.page.select('#data', 'files')
  await demo.until('a model for them', `document.getElementById('preset').value === 'vectorQuantized'`)
})

codes('of a broken file are refused in words, and learning goes on', async () => {
  const file = join(folder, 'data_batch_2.bin')
  await writeFile(file, Buffer.alloc(3000))
  await demo.upload('#idx-files', [file])
  await demo.until('what is wrong', `/3000 bytes/.test(document.getElementById('banner-text').textContent)`)
  await demo.learned(1)
})

codes('leave nothing to complain about', () => assert.equal(demo.errors, []))

/** Some tiles of 28 × 28 on a canvas, to compare. */
function tiles(selector: string, numbers: number[]): Promise<string[]> {
  return demo.page.$eval(
    selector,
    (element, wanted) => {
      const canvas = element as HTMLCanvasElement
      const columns = canvas.width / 28
      const tile = (i: number) =>
        canvas.getContext('2d')!.getImageData(28 * (i % columns), 28 * Math.floor(i / columns), 28, 28).data.join()
      return wanted.map(tile)
    },
    numbers,
  )
}

parts.run()
classes.run()
codes.run()

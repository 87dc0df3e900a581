// The demo page in a browser: it learns by itself, shows what it learns, obeys its controls, explains what is wrong.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { normalCdf, normalQuantile } from '../../src/tools/drawing/normal.js'
import { Projection } from '../../demo/projection.js'
import { defaults, formatHash, parseHash } from '../../demo/settings.js'
import { glyphs } from '../../src/data/glyphs.js'
import { suite } from '../harness/suite.js'
import { bigEndian, DemoPage, losableDevice, withoutWebGpu } from '../support/demo-page.js'

const parts = suite('demo › parts')
const learning = suite('demo › learning')
const controls = suite('demo › controls')
const trouble = suite('demo › trouble')

let demo: DemoPage
let folder: string

const close = () => demo?.page.close()

parts('settings survive the address, and nonsense in it is ignored', () => {
  const settings = { ...defaults, preset: 'conv' as const, learningRate: 0.003, klWeight: 0, seed: 12 }
  assert.equal(parseHash(formatHash(settings)), settings)
  assert.is(formatHash(defaults), '')
  assert.equal(parseHash('#model=toString&rate=-1&kl=x&seed=1.5'), defaults)
})

parts('normal quantiles undo the distribution function', () => {
  assert.ok(Math.abs(normalQuantile(0.975) - 1.959964) < 1e-5)
  for (const x of [-2.5, -0.3, 0, 1.1]) assert.ok(Math.abs(normalQuantile(normalCdf(x)) - x) < 1e-4)
})

parts('the plane of many dimensions finds the two that differ most, and lifts its points back', () => {
  const latents = Float32Array.from({ length: 5 * 400 }, (_, i) => [0.1, 3, 0.1, 2, 0.1][i % 5] * Math.sin(i * i))
  const projection = new Projection(5)
  for (let i = 0; i < 50; i++) projection.fit(latents)
  const [x, y] = projection.project(projection.lift([1.5, -0.5]))
  assert.ok(Math.abs(x - 1.5) + Math.abs(y + 0.5) < 1e-5, `lifted and projected: ${x}, ${y}`)
  const along = projection.lift([1, 0]).map((value, i) => value - projection.lift([0, 0])[i])
  assert.ok(Math.abs(along[1]) > 0.95, `the first axis: ${along}`)
})

learning.before(async () => {
  demo = await DemoPage.open()
})
learning.after(close)

learning('starts by itself, and the loss falls', async () => {
  await demo.learned(1)
  await demo.until('a loss', `document.getElementById('total').textContent > 0`)
  await demo.until('a lower loss', `document.getElementById('total').textContent < 230`)
  const sum = (await demo.number('reconstruction')) + (await demo.number('kl-part'))
  assert.ok(Math.abs((await demo.number('total')) - sum) < 0.11, 'the parts add up to the whole')
})

learning('names the adapter, and says that a software one is slow', async () => {
  assert.ok((await demo.text('#adapter')).length > 0)
  if (/swiftshader/i.test(await demo.text('#adapter'))) assert.match(await demo.text('#banner-text'), /slower/)
})

learning('shows pictures of what it learns, and they change', async () => {
  for (const canvas of ['#originals canvas', '#reconstructions', '#grid', '#plane', '#probe', '.pane canvas']) {
    assert.ok((await demo.colours(canvas)) > 8, `${canvas} is not blank`)
  }
  const before = await demo.picture('#grid')
  await demo.until('other pictures', `document.getElementById('grid').toDataURL() !== ${JSON.stringify(before)}`)
})

learning('decodes the point of the plane under the pointer', async () => {
  await demo.drag('#plane', [[0.7, 0.5]], false)
  await demo.until('a picture beside the pointer', `!document.getElementById('probe').hidden`)
  const place = await demo.page.$eval('#probe', (image) => (image as HTMLElement).style.transform)
  await demo.drag('#plane', [[0.3, 0.6]], false)
  await demo.until('the picture elsewhere', `document.getElementById('probe').style.transform !== '${place}'`)
})

learning('encodes and reconstructs a drawing, and forgets it', async () => {
  await demo.drag('#pad', [[0.5, 0.1], [0.45, 0.5], [0.4, 0.9]], true)
  assert.ok((await demo.colours('#seen')) > 8)
  const blank = await demo.picture('#understood')
  await demo.until('a reconstruction', `document.getElementById('understood').toDataURL() !== ${JSON.stringify(blank)}`)
  await demo.page.click('#clear')
  assert.is(await demo.colours('#seen'), 1)
})

learning('takes a test image instead of a drawing', async () => {
  await demo.page.click('#originals button:nth-child(3)')
  assert.ok((await demo.colours('#seen')) > 8)
})

learning('fits one screen, and a phone without scrolling sideways', async () => {
  assert.equal(await demo.size(), [1280, 800])
  await demo.page.setViewport({ width: 390, height: 844 })
  assert.is((await demo.size())[0], 390)
  await demo.page.setViewport({ width: 1280, height: 800 })
})

learning('has nothing to complain about', () => assert.equal(demo.errors, []))

controls.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'elbo-demo-'))
  demo = await DemoPage.open({ hash: '#kl=4&seed=3' })
  const session = await demo.page.createCDPSession()
  await session.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: folder })
})
controls.after(async () => {
  await close()
  await rm(folder, { recursive: true, force: true })
})

controls('come from the address', async () => {
  await demo.learned(2)
  assert.is(await demo.text('#kl-value'), '4')
  assert.is(await demo.value('#seed'), '3')
  assert.match(await demo.text('#snippet'), /seed: 3[^]*klWeight: 4/)
})

controls('pause, step by step, and go on', async () => {
  await demo.page.click('#toggle')
  await demo.paused()
  const step = await demo.number('number-step')
  await new Promise((resolve) => setTimeout(resolve, 500))
  assert.is(await demo.number('number-step'), step)
  await demo.page.click('#step')
  await demo.learned(step + 1)
  await new Promise((resolve) => setTimeout(resolve, 500))
  assert.is(await demo.number('number-step'), step + 1)
  await demo.page.click('#toggle')
  await demo.learned(step + 3)
})

controls('change the KL weight and the learning rate while it learns', async () => {
  await demo.page.focus('#kl')
  await demo.page.keyboard.press('ArrowRight')
  await demo.page.select('#rate', '0.003')
  const step = await demo.number('number-step')
  await demo.learned(step + 3)
  assert.is(await demo.page.evaluate(() => location.hash), '#rate=0.003&kl=8&seed=3')
})

controls('save a model, and load it again', async () => {
  await demo.page.click('#save')
  const saved = await downloaded()
  await demo.page.reload()
  await demo.until('a new model', `!document.getElementById('save').disabled`)
  await demo.upload('#model-file', [saved])
  await demo.paused()
  await demo.page.click('#toggle')
  const step = Number(/step-(\d+)/.exec(saved)![1])
  await demo.learned(step + 1)
})

controls('open IDX files', async () => {
  const { images, labels } = glyphs({ count: 600, seed: 5 })
  const files = [join(folder, 'train-images-idx3-ubyte'), join(folder, 'train-labels-idx1-ubyte')]
  await writeFile(files[0], Buffer.concat([bigEndian(0x803, 600, 28, 28), images]))
  await writeFile(files[1], Buffer.concat([bigEndian(0x801, 600), labels!]))
  await demo.upload('#idx-files', files)
  await demo.until('the files', `document.getElementById('data').value === 'files'`)
  await demo.learned(1)
})

controls('say what is wrong with a file, and go on', async () => {
  const file = join(folder, 'train-images-broken')
  await writeFile(file, Buffer.concat([bigEndian(0x803, 600, 28, 28), Buffer.alloc(100)]))
  const step = await demo.number('number-step')
  await demo.upload('#idx-files', [file])
  await demo.until('what is wrong', `/truncated/.test(document.getElementById('banner-text').textContent)`)
  await demo.learned(step + 2)
})

controls('change the model, and restart it', async () => {
  await demo.page.select('#preset', 'autoencoder')
  await demo.until('the other model', `document.getElementById('grid-title').textContent === 'Between four images'`)
  await demo.learned(5)
  await demo.page.click('#toggle')
  await demo.paused()
  await demo.page.click('#reset')
  await demo.until('the first steps again', `document.getElementById('total').textContent > 400`)
})

controls('leave nothing to complain about', () => assert.equal(demo.errors, []))

trouble('without WebGPU the page says what to do', async () => {
  demo = await DemoPage.open({ workerPrelude: withoutWebGpu })
  await demo.until('an explanation', `/WebGPU/.test(document.getElementById('banner-text').textContent)`)
  assert.match(await demo.text('#banner-text'), /Chrome 113/)
  assert.match(await demo.text('#banner-advice'), /graphics/)
  assert.is(await demo.text('#toggle'), 'Start')
  assert.equal(demo.errors, [])
  await close()
})

trouble('a lost device is told, and learning goes on by itself', async () => {
  demo = await DemoPage.open({ workerPrelude: losableDevice })
  await demo.learned(2)
  await demo.tellWorker('lose the device')
  await demo.until('what happened', `/goes on/.test(document.getElementById('banner-text').textContent)`)
  assert.match(await demo.text('#banner-text'), /device was lost.* \d+ steps? further back/)
  await demo.learned((await demo.number('number-step')) + 2)
  assert.equal(demo.errors, [])
  await close()
})

trouble('a learning rate far too high is explained', async () => {
  demo = await DemoPage.open({ hash: '#rate=1' })
  await demo.until('the explanation', `/learning rate/.test(document.getElementById('banner-text').textContent)`)
  assert.is(await demo.text('#banner-action'), 'Restart')
  await close()
})

/** The finished download in the folder. */
async function downloaded(): Promise<string> {
  for (let waited = 0; waited < 20_000; waited += 100) {
    const found = (await readdir(folder)).find((name) => name.endsWith('.safetensors'))
    if (found) return join(folder, found)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('no .safetensors file was downloaded within 20 s')
}

parts.run()
learning.run()
controls.run()
trouble.run()

// README's lines in pages that have the packed package: one that Vite built, and one without any building.
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { serve } from '../../src/tools/serve.mjs'
import { browser } from '../harness/page.js'
import { suite } from '../harness/suite.js'
import { assertFalling, fewLines, node, Packed, packageTools } from '../support/packed.js'

const test = suite('package in pages')

const packed = await Packed.make()
test.after(() => packed.remove())

const html = (script: string) =>
  `<!doctype html><link rel="icon" href="data:,"><script type="module" src="${script}"></script>`
const inPage = `${await fewLines()}\nconsole.log('the end')\n`

/** Opens a folder's page and waits for its program to end. */
async function learnsInPage(folder: string): Promise<void> {
  const server = await serve({ mounts: { '/': folder } })
  const page = await browser.newPage()
  try {
    const said: string[] = []
    const ended = new Promise<void>((done, fail) => {
      page.on('console', (message) => {
        said.push(message.text())
        if (message.text() === 'the end') done()
      })
      page.on('pageerror', (error) => fail(error))
    })
    await page.goto(`${server.origin}/`)
    await ended
    assertFalling(said.join('\n'))
  } finally {
    await page.close().catch(() => {})
    await server.close()
  }
}

test('README’s lines learn in a page that Vite built', async () => {
  const project = await packed.project({ 'index.html': html('/main.ts'), 'main.ts': inPage })
  const vite = join(await packageTools(), 'vite/bin/vite.js')
  const { code, text } = await node(project, vite, 'build')
  assert.is(code, 0, text)
  await learnsInPage(join(project, 'dist'))
})

test('README’s lines learn in a page that has the built file alone', async () => {
  const script = inPage.replace("'elbo'", "'./node_modules/elbo/dist/index.min.js'")
  await learnsInPage(await packed.project({ 'index.html': html('main.js'), 'main.js': script }))
})

test.run()

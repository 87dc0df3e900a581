// README's lines and the examples, run in Node and in Deno from the packed package.
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as assert from 'uvu/assert'
import { suite } from '../harness/suite.js'
import { assertFalling, fewLines, node, Packed, run } from '../support/packed.js'

const test = suite('package in programs')

const packed = await Packed.make()
test.after(() => packed.remove())

const lines = await fewLines()
const onNode = lines.replace("from 'elbo'", "from 'elbo/node'")

/** Node's WebGPU, by the name of its package, as a project installs it. */
async function webgpu(): Promise<Record<string, string>> {
  const path = resolve('src/tools/install-apart.mjs')
  const { installApart }: typeof import('../../src/tools/install-apart.mjs') = await import(pathToFileURL(path).href)
  return { webgpu: join(await installApart('bench/node', 'WebGPU for Node, the package webgpu'), 'webgpu') }
}

async function denoPath(): Promise<string> {
  const path = resolve('src/tools/find-deno.mjs')
  const { findDeno }: typeof import('../../src/tools/find-deno.mjs') = await import(pathToFileURL(path).href)
  return findDeno()
}

/** Runs a program of a project in Deno. */
async function deno(project: string, ...args: string[]) {
  const env = { DENO_DIR: join(project, '.deno'), DENO_NO_UPDATE_CHECK: '1', XDG_RUNTIME_DIR: project }
  return run(await denoPath(), ['run', '-A', '--quiet', ...args], project, env)
}

test('README’s lines learn in Node, and the program ends by itself', async () => {
  const project = await packed.project({ 'main.js': onNode }, await webgpu())
  const { code, text } = await node(project, 'main.js')
  assert.is(code, 0, text)
  assertFalling(text)
})

test('a program in Node ends with destroy, and in the middle of training with its own error', async () => {
  const begin = `
    import { createEngine, presets, adam, glyphs } from 'elbo/node'
    const engine = await createEngine()
    const vae = await engine.createVae(presets.autoencoder)
    const optimizer = adam({ learningRate: 1e-3 })
    const run = vae.train(glyphs({ count: 200 }), { epochs: 100, batchSize: 20, optimizer })
    run.done.catch(() => {})
    for await (const { step } of run) if (step >= 3) `
  const endings = { destroyed: 'break\nengine.destroy()\nengine.destroy()', thrown: "throw new Error('of its own')" }
  const files = Object.entries(endings).map(([name, ending]) => [`${name}.js`, begin + ending])
  const project = await packed.project(Object.fromEntries(files), await webgpu())
  const [destroyed, thrown] = [await node(project, 'destroyed.js'), await node(project, 'thrown.js')]
  assert.is(destroyed.code, 0, destroyed.text)
  assert.is(thrown.code, 1, thrown.text)
  assert.match(thrown.text, 'of its own')
})

test('elbo/node says what to install where the package webgpu is missing', async () => {
  const project = await packed.project({
    'main.js': `
      import { createEngine, UnsupportedError } from 'elbo/node'
      import { UnsupportedError as same } from 'elbo'
      const error = await createEngine().catch((reason) => reason)
      console.log(error instanceof UnsupportedError && UnsupportedError === same, error.message)
      for (const bad of [7, { gpu: null }]) console.log((await createEngine(bad).catch((reason) => reason)).name)`,
  })
  const { code, text } = await node(project, 'main.js')
  assert.is(code, 0, text)
  assert.match(text, /^true .*npm install webgpu/)
  assert.match(text, 'SpecError\nSpecError')
})

test('README’s lines learn in Deno and type-check there; elbo/node takes Deno’s own WebGPU', async () => {
  const own = "import { createEngine } from 'elbo/node'\nconsole.log(typeof (await createEngine()).isSoftware)"
  const project = await packed.project({ 'main.ts': lines, 'node.ts': own })
  const { code, text } = await deno(project, '--check', 'main.ts')
  assert.is(code, 0, text)
  assertFalling(text)
  assert.match((await deno(project, 'node.ts')).text, /^boolean$/m)
})

test('the example for Node learns, keeps what it learned, and goes on from there', async () => {
  const project = await packed.project({ 'main.js': await readFile('examples/node/main.js', 'utf8') }, await webgpu())
  const [first, second] = [await node(project, 'main.js', '2'), await node(project, 'main.js', '1')]
  assert.equal([first.code, second.code], [0, 0], first.text + second.text)
  assertFalling(first.text)
  assert.match(second.text, /^step 30: /m)
})

test('the example for Deno learns, and draws a digit of each kind', async () => {
  const project = await packed.project({ 'main.ts': await readFile('examples/deno/main.ts', 'utf8') })
  const { code, text } = await deno(project, '--check', 'main.ts', '1')
  assert.is(code, 0, text)
  assertFalling(text)
  const picture = await readFile(join(project, 'digits.pgm'))
  assert.is(picture.length, 'P5 28 280 255\n'.length + 10 * 28 * 28)
  assert.ok(new Set(picture).size > 100)
})

test.run()

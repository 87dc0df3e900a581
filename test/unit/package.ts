// The package as an empty project gets it: its files, its declarations, how others find it.
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as assert from 'uvu/assert'
import { suite } from '../harness/suite.js'
import { node, Packed, packageTools, readmeLines } from '../support/packed.js'

const test = suite('package')

const packed = await Packed.make()
test.after(() => packed.remove())

const entries = ['index', 'node', 'onnx', 'pytorch']

test('holds the entries with their declarations, and says what it is', () => {
  const dist = entries.flatMap((name) => [`${name}.d.ts`, `${name}.js`, `${name}.js.map`])
  const expected = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json', ...['index.min.js', 'elbo.js', ...dist].map((name) => `dist/${name}`)]
  assert.equal(packed.files, expected.sort())
})

for (const name of entries) {
  test(`${name}.d.ts declares what ${name}.js exports, and names no inner module`, async () => {
    const dist = join(packed.folder, 'source/dist')
    const text = await readFile(join(dist, `${name}.d.ts`), 'utf8')
    assert.equal(text.match(/elbo:\w+|<reference[^>]*>/g), null)
    const imported = [...text.matchAll(/^(?:import|export)\b.*\bfrom '(.+)'/gm)].map(([, specifier]) => specifier)
    assert.not.match(text, /\bimport\(/)
    assert.equal([...new Set(imported)], name === 'node' ? ['./index.js'] : [])

    const lists = [...text.matchAll(/^export \{([^}]*)\}/gm)].map(([, list]) => list)
    const declared = lists.join().split(',').map((part) => part.trim())
    const { ...exported } = await import(pathToFileURL(join(dist, `${name}.js`)).href)
    if (name !== 'node') return assert.equal(declared.sort(), Object.keys(exported).sort())
    assert.equal([declared, text.match(/^export \* from '.*'/gm)], [['createEngine'], ["export * from './index.js'"]])
    const { createEngine, ...rest } = exported
    const { createEngine: main, ...all } = await import(pathToFileURL(join(dist, 'index.js')).href)
    assert.ok(createEngine !== main)
    assert.equal(Object.entries(rest), Object.entries(all))
  })
}

const main = async () => `${await readmeLines()}
import { createEngine as onNode, type Engine, type EngineOptions, type TrainEvent, UnsupportedError } from 'elbo/node'
import { exportOnnx } from 'elbo/onnx'
import { exportPytorch } from 'elbo/pytorch'

const options: EngineOptions = { powerPreference: 'high-performance', tuning: 'off' }
const other: Engine = await onNode(options)
const device: GPUDevice = other.device
const loaded = await engine.load(new Uint8Array(await new Blob([file, await vae.save()]).arrayBuffer()))
const more = loaded.train(glyphs({ count: 100 }), { steps: 1, batchSize: 10, optimizer: adam({ learningRate: 1 }) })
const event: TrainEvent = await more.done
const exported: Uint8Array = await exportOnnx(vae, { part: 'decoder' })
const programs: Record<string, Uint8Array> = await exportPytorch(vae)
export { device, event, exported, programs, images, logVariance, mean, UnsupportedError }

// @ts-expect-error there is no such preset
await engine.createVae(presets.gone)
// @ts-expect-error the loss is a number
export const text: string = event.loss.total
// @ts-expect-error models are made by an engine alone: the class is no value
export const made = new Engine()
// @ts-expect-error an inner thing
export const inner = other.recovery
`

/** The compilers, and what a project has to have beside them for WebGPU's types. */
async function compiler(version: '7' | '5.6') {
  if (version === '7') return { tsc: resolve('node_modules/typescript/bin/tsc'), types: [], modules: {} }
  const types = '@webgpu/types'
  const modules = { [types]: resolve('node_modules', types) }
  return { tsc: join(await packageTools(), 'typescript-5.6/bin/tsc'), types: [types], modules }
}

for (const version of ['7', '5.6'] as const) {
  test(`type-checks in an empty strict project with TypeScript ${version}, bundler and nodenext`, async () => {
    const { tsc, types, modules } = await compiler(version)
    const project = await packed.project({ 'main.ts': await main() }, modules)
    const { text: said } = await node(project, tsc, '--version')
    assert.ok(said.startsWith(`Version ${version}.`), said)
    for (const resolution of ['bundler', 'nodenext']) {
      const module = resolution === 'bundler' ? 'esnext' : 'nodenext'
      const options = ['--strict', '--noEmit', '--skipLibCheck', 'false', '--target', 'es2022', '--module', module]
      const given = [...options, '--moduleResolution', resolution, ...types.flatMap((name) => ['--types', name])]
      const { code, text } = await node(project, tsc, ...given, 'main.ts')
      assert.is(code, 0, `${resolution}: ${text}`)
    }
  })
}

test('is found by Node and by bundlers as publint and Are the types wrong? demand', async () => {
  const tools = await packageTools()
  const linted = await node(packed.folder, join(tools, 'publint/src/cli.js'), 'run', '--strict', packed.tarball)
  assert.is(linted.code, 0, linted.text)
  assert.match(linted.text, 'All good!')
  const attw = join(tools, '@arethetypeswrong/cli/dist/index.js')
  const resolved = await node(packed.folder, attw, '--profile', 'esm-only', '--format', 'ascii', packed.tarball)
  assert.is(resolved.code, 0, resolved.text)
  for (const entry of ['"elbo"', '"elbo/node"', '"elbo/onnx"', '"elbo/pytorch"']) assert.ok(resolved.text.includes(entry), resolved.text)
})

test('brings its command, which runs in an empty project', async () => {
  const project = await packed.project({})
  const { code, text } = await node(project, 'node_modules/.bin/elbo', '--help')
  assert.is(code, 0, text)
  assert.match(text, /^elbo COMMAND/)
})

test.run()

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { circleRules, fileRules, importsOf, packageRules } from '../../src/tools/house-rules.mjs'

const rules = suite('house rules')

rules('imports point down the layers', () => {
  const importing = (path: string, specifier: string, type = '') =>
    fileRules(path, `import ${type}{ x } from '${specifier}'\n`).length
  assert.is(importing('src/model/a.ts', '../ops/dense.js'), 0)
  assert.is(importing('src/ops/a.ts', '../model/spec.js'), 1)
  assert.is(importing('src/data/a.ts', '../model/spec.js'), 1)
  assert.is(importing('src/data/a.ts', '../errors.js'), 0)
  assert.is(importing('src/schedule/a.ts', '../ops/dispatch.js', 'type '), 0)
  assert.is(importing('src/schedule/a.ts', '../ops/dispatch.js'), 1)
  assert.is(importing('src/kernels/a.ts', 'elbo:kernels'), 0)
  assert.is(importing('src/model/a.ts', 'elbo:kernels'), 1)
  assert.is(importing('src/engine.ts', './train/run.js'), 0)
  assert.is(importing('src/train/a.ts', '../engine.js'), 1)
  assert.is(importing('src/random.ts', './model/spec.js'), 1)
  assert.is(importing('src/model/a.ts', 'uplot'), 1)
  assert.is(importing('src/surprise/a.ts', '../model/spec.js'), 1)
  assert.is(importing('src/node/a.ts', '../index.js'), 0)
  assert.is(importing('src/node/a.ts', 'node:fs'), 0)
  assert.is(importing('src/node/a.ts', 'webgpu'), 1)
  assert.is(importing('src/node/a.ts', '../errors.js'), 1)
  assert.is(importing('src/node/a.ts', '../errors.js', 'type '), 0)
  assert.is(importing('src/node.ts', './node/a.js'), 0)
  assert.is(importing('src/engine.ts', './node/a.js'), 1)
  assert.is(importing('src/engine.ts', './node.js'), 1)
  assert.is(importing('src/engine.ts', 'node:fs'), 1)
  assert.is(importing('demo/a.ts', '../src/index.js'), 0)
  assert.is(importing('demo/a.ts', '../src/model/spec.js'), 1)
  assert.is(importing('demo/a.ts', '../src/tools/drawing/tiles.js'), 0)
  assert.is(importing('demo/a.ts', '../src/tools/serve.mjs'), 1)
  assert.is(importing('src/tools/drawing/a.ts', '../../index.js'), 0)
  assert.is(importing('src/tools/drawing/a.ts', '../datasets.js'), 1)
  assert.is(importing('src/tools/a.ts', '../train/run.js'), 0)
  assert.is(importing('src/tools/a.ts', '../../demo/tiles.js'), 1)
})

rules('imports are found over several lines, re-exported and called', () => {
  const text = "import {\n  type A,\n  type B,\n} from './a.js'\nexport * from './b.js'\nimport './c.js'\nawait import('./d.js')\n"
  const found = importsOf(text).map(({ line, specifier, typeOnly }) => [line, specifier, typeOnly])
  assert.equal(found, [[1, './a.js', true], [5, './b.js', false], [6, './c.js', false], [7, './d.js', false]])
})

rules('no file imports itself by way of others, by a type or a call either', () => {
  const circles = (texts: Record<string, string>) => circleRules(new Map(Object.entries(texts)))
  const open = { 'src/a.ts': "import './b.js'\nimport './c.js'\n", 'src/b.ts': "import './c.js'\n", 'src/c.ts': '' }
  assert.equal(circles(open), [])
  assert.equal(circles({ ...open, 'src/c.ts': "import type { A } from './a.js'\n" }), [
    'src/a.ts:1: imports itself: src/a.ts → src/b.ts → src/c.ts → src/a.ts',
  ])
  assert.equal(circles({ 'bench/a.mjs': "await import('./a.mjs')\n" }), [
    'bench/a.mjs:1: imports itself: bench/a.mjs → bench/a.mjs',
  ])
  const two = { 'demo/a.ts': "import './b.js'\n", 'demo/b.ts': "import './a.js'\nimport './c.js'\n", 'demo/c.ts': "import './b.js'\n" }
  assert.is(circles(two).length, 2)
})

rules('a kernel is named after its file', () => {
  const kernel = (name: string) => `@compute @workgroup_size(WG_X, 1)\nfn ${name}() {}\n`
  assert.equal(fileRules('shaders/dense_forward.wgsl', kernel('dense_forward')), [])
  assert.is(fileRules('shaders/dense_forward.wgsl', kernel('main')).length, 1)
  assert.is(fileRules('shaders/lib/step.wgsl', kernel('step')).length, 1)
})

rules('finds any, long lines, odd file names, barrels and dependencies', () => {
  assert.equal(fileRules('src/a.ts', 'const x = 1\nlet y: any\n'), ['src/a.ts:2: no any'])
  assert.equal(fileRules('src/a.ts', "/** any of: any */\nconst x = 'a: any'\n"), [])
  assert.is(fileRules('src/a.ts', `${'x'.repeat(121)}\n`).length, 1)
  assert.is(fileRules('src/a.ts', `const x = '${'x'.repeat(121)}'\n`).length, 0)
  assert.is(fileRules('src/someThing.ts', '').length, 1)
  assert.is(fileRules('src/model/index.ts', '').length, 1)
  assert.equal(packageRules('{\n  "dependencies": { "x": "1" }\n}').length, 1)
  const peer = (optional: boolean) =>
    JSON.stringify({ peerDependencies: { x: '1' }, peerDependenciesMeta: { x: { optional } } })
  assert.equal([peer(true), peer(false)].map((json) => packageRules(json).length), [0, 1])
})

rules('a test says what is to be thrown', () => {
  const wrong = (text: string) => fileRules('test/unit/a.ts', text).length
  assert.is(wrong("assert.throws(() => f('(', { a: 1 }, /[)]/), /a, (b)/)\n"), 0)
  assert.is(wrong('assert.throws(\n  () => f(),\n  (error) => error instanceof A,\n  `${a}, ${b}`,\n)\n'), 0)
  assert.is(wrong("assert.throws(() => f(1, 2), 'needs a number')\n"), 1)
  assert.is(wrong('assert.throws(\n  () => f(1),\n  `needs ${a}`,\n)\n'), 1)
  assert.is(wrong('assert.throws(() => f(1, 2))\nassert.throws(f)\n'), 2)
  assert.is(fileRules('src/a.ts', 'assert.throws(f)\n').length, 0)
})

rules('buffers are made in one place', () => {
  const making = 'const b = device.createBuffer({ size })\n'
  assert.equal(fileRules('src/model/a.ts', making), ['src/model/a.ts:1: buffers are made by allocate, of src/device/memory.ts'])
  assert.equal(fileRules('src/device/memory.ts', making), [])
  assert.equal(fileRules('test/model/a.ts', making), [])
})

rules.run()

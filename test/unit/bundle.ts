import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { beside } from '../support/beside.js'

const test = suite('bundle')

/** Every kind of model, all kernels and data formats; an application that takes less of it bundles less. */
const MOST_BYTES = 128 * 1024

/** The minified engine, and what it would import. */
async function engine() {
  const build: typeof import('../../build.mjs') = await beside('build.mjs')
  const options = { entryPoints: ['src/index.ts'], minify: true, sourcemap: false as const, metafile: true }
  const { outputFiles, metafile } = await build.bundle({ ...options, write: false })
  const imports = Object.values(metafile!.outputs).flatMap((output) => output.imports.map(({ path }) => path))
  return { contents: outputFiles![0].contents, imports }
}

test(`the engine is at most ${MOST_BYTES / 1024} KB, minified and compressed`, async () => {
  const { length } = gzipSync((await engine()).contents, { level: 9 })
  assert.ok(length <= MOST_BYTES, `${length} bytes, at most ${MOST_BYTES}`)
})

test('the engine imports nothing, and the benchmark’s yardsticks are left out', async () => {
  const { contents, imports } = await engine()
  assert.equal(imports, [])
  assert.not.match(new TextDecoder().decode(contents), /_naive/)
})

test.run()

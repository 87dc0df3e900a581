// @ts-check
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundle } from '../../build.mjs'

/** Run like a test file. */
export const probe = { in: 'test/harness/adapter-probe.ts', out: 'adapter-probe' }

const drivers = {
  page: { in: 'test/harness/page-driver.ts', out: 'page-driver' },
  process: { in: 'test/harness/process-driver.ts', out: 'process-driver' },
}

/** @typedef {import('./test-file.mjs').TestFile} TestFile */

/**
 * Bundles test files beside the drivers; what they share becomes chunks.
 *
 * @param {TestFile[]} files
 * @param {'process' | 'page'} place `page` files also run in processes, which have all that they need
 * @param {string} outdir
 * @returns {Promise<Map<TestFile, string>>} what is wrong with files that do not bundle
 */
export async function bundleFiles(files, place, outdir) {
  /** @type {Map<TestFile, string>} */
  const problems = new Map()
  if (files.length === 0) return problems
  mkdirSync(outdir, { recursive: true })
  const common = { outdir, outExtension: { '.js': '.mjs' }, splitting: true, logLevel: 'silent' }
  const forNode = { ...common, platform: 'node', packages: 'external' }
  /** @param {TestFile[]} some */
  const attempt = (some) => {
    const entryPoints = some.map(({ name, path }) => ({ in: path, out: name }))
    if (place === 'process') return bundle({ ...forNode, entryPoints: [...entryPoints, drivers.process] })
    return bundle({ ...common, platform: 'browser', entryPoints: [...entryPoints, drivers.page, probe] })
  }
  await attempt(files).catch(async () => {
    // One bad file must not hide what the others say.
    for (const file of files) await attempt([file]).catch(({ message }) => problems.set(file, message))
  })
  if (place === 'page') {
    await bundle({ ...forNode, splitting: false, entryPoints: [drivers.process] })
    const script = '<script type="module" src="page-driver.mjs"></script>'
    writeFileSync(join(outdir, 'index.html'), `<!doctype html><link rel="icon" href="data:,">${script}`)
  }
  return problems
}

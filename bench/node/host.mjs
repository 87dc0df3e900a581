// @ts-check
// Bundles the benchmark for Node and runs it in a process of its own, which finds Dawn and the adapter's driver.
import { spawn } from 'node:child_process'
import { copyFile, mkdir, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../../build.mjs'
import { softwareDawn } from '../../src/tools/find-vulkan.mjs'
import { installApart } from '../../src/tools/install-apart.mjs'
import { commitOf } from '../publish.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What bench.mjs ends with when the machine has neither a GPU nor a software driver that Dawn can use. */
const noAdapter = 3

/** @typedef {Record<string, string | undefined>} Variables */

/** Everything that runs without this repository, in one folder. @param {string} to @returns {Promise<boolean>} */
export async function buildNodeBench(to) {
  const folder = resolve(to)
  await build(folder)
  console.error(`Wrote ${relative(process.cwd(), folder) || '.'}: node ${join(to, 'bench.mjs')} --help`)
  return true
}

/**
 * @param {import('../options.mjs').CommandLine} options
 * @param {string[]} args what they were parsed from
 * @returns {Promise<boolean>} whether every check passed
 */
export async function runNodeBench({ adapter }, args) {
  const folder = join(root, `.cache/bench-${process.pid}`)
  try {
    await build(folder)
    const variables = { ...process.env, NODE_PATH: await modulePaths() }
    /** @param {Variables} env @param {string[]} args */
    const run = (env, ...args) => runIn(join(folder, 'bench.mjs'), args, env)
    if (adapter === 'software') return (await run({ ...variables, ...(await softwareDawn()) }, ...args)) === 0
    const code = await run(variables, ...args)
    if (code !== noAdapter) return code === 0
    console.error('Going on with the software adapter (SwiftShader) of a browser.')
    return (await run({ ...variables, ...(await softwareDawn()) }, ...args)) === 0
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** @param {string} folder */
async function build(folder) {
  await mkdir(folder, { recursive: true })
  await bundle({
    entryPoints: { bench: 'bench/node/main.ts' },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    platform: 'node',
    target: 'node20',
    sourcemap: false,
    naive: true,
    define: { ELBO_COMMIT: JSON.stringify(commitOf(root)) },
  })
  await copyFile(join(root, 'bench/peers/pytorch.py'), join(folder, 'pytorch.py'))
}

/** @param {string} script @param {string[]} args @param {Variables} env @returns {Promise<number>} its exit code */
async function runIn(script, args, env) {
  const child = spawn(process.execPath, [script, ...args], { env, stdio: 'inherit' })
  const kill = () => void child.kill('SIGKILL')
  process.on('exit', kill)
  const [code, signal] = await new Promise((done) => child.on('close', (...ended) => done(ended)))
  process.off('exit', kill)
  if (signal) throw new Error(`the benchmark's process was ended by ${signal}`)
  return code
}

/** NODE_PATH with the package webgpu: an installed one, or its own. */
async function modulePaths() {
  const given = process.env.NODE_PATH ?? ''
  try {
    createRequire(join(root, 'package.json')).resolve('webgpu')
    return given
  } catch {
    const modules = await installApart('bench/node', 'WebGPU for Node, the package webgpu')
    return given ? `${modules}${delimiter}${given}` : modules
  }
}

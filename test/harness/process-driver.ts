// Runs in a child process, Node's or Deno's: imports one test bundle, collects its results and sends them to the runner.
// With ELBO_TEST_GPU set, `minimal` or `default`, the file is one of the GPU's, whose devices are watched.
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { provideWebGpu } from '../../bench/node/webgpu.js'
import { collect, describe, NO_RESULT } from './collect.js'
import { watchDevices } from './watch-devices.js'

const [, , file, selection] = process.argv
const { ELBO_TEST_GPU } = process.env
const stray: string[] = []

process.on('uncaughtException', (error) => stray.push(`uncaught: ${describe(error)}`))
process.on('unhandledRejection', (error) => stray.push(`unhandled rejection: ${describe(error)}`))
// Standard output holds uvu's progress marks and is not shown; what a test prints is.
console.log = console.error
console.info = console.error

async function load(): Promise<void> {
  if (ELBO_TEST_GPU) {
    await provideWebGpu()
    watchDevices(stray, ELBO_TEST_GPU === 'minimal')
  }
  await import(pathToFileURL(file).href)
}

const result = await collect(load, JSON.parse(selection), (current) => process.send?.({ current })).catch((error) => {
  stray.push(`did not load: ${describe(error)}`)
  return NO_RESULT
})
// Dawn may otherwise wait for ever.
process.send?.({ ...result, stray }, () => process.exit(0))

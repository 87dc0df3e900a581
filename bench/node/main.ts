// The benchmark as a program of its own: the page's code on Dawn. bench/node/host.mjs bundles it into bench.mjs.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEngine } from '../../src/index.js'
import { UsageError } from '../../src/tools/arguments.mjs'
import { helpText, parseOptions } from '../options.mjs'
import { runPage } from '../page/main.js'
import { environment, publish } from '../publish.mjs'
import type { PageReport } from '../results.js'
import { comparePyTorch, type PyTorchOptions } from './pytorch.js'
import { provideWebGpu } from './webgpu.js'

/** Of the sources, filled in where they are bundled. */
declare const ELBO_COMMIT: string

const NO_ADAPTER = 3

async function main(args: string[]): Promise<number> {
  const options = { ...parseOptions(args), runtime: 'node' as const }
  if (options.help) {
    console.log(helpText)
    return 0
  }
  const runtime = await provideWebGpu().catch((error: Error) => console.error(error.message))
  if (!runtime) return NO_ADAPTER
  const progress = (message: string) => console.error(`  ${message}`)
  const measured = options.peers ? await measurePeers(options, progress) : await runPage(options, progress)
  const report = { ...environment(options, { commit: ELBO_COMMIT, runtime }), ...measured }
  return (await publish(report, options, 'bench/results')) ? 0 : 1
}

/** The comparison with PyTorch alone. */
async function measurePeers(options: PyTorchOptions, progress: (message: string) => void): Promise<PageReport> {
  const engine = await createEngine({ powerPreference: 'high-performance' })
  const { adapterInfo: { vendor, architecture, device, description }, isSoftware } = engine
  engine.destroy()
  const pytorch = await comparePyTorch(options, progress)
  const adapter = { vendor, architecture, device, description }
  return { adapter, isSoftware, clock: 'queue completion', kernels: [], presets: [], uncovered: [], pytorch }
}

// Tilings that an earlier run chose would shorten a first step.
const cache = mkdtempSync(join(tmpdir(), 'elbo-bench-'))
process.env.XDG_CACHE_HOME = cache

const code = await main(process.argv.slice(2)).catch((error) => {
  console.error(`bench: ${error instanceof Error ? error.message : error}`)
  return error instanceof UsageError ? 2 : 1
})
rmSync(cache, { recursive: true, force: true })
await new Promise((resolve) => process.stdout.write('', resolve))
// Dawn may otherwise wait for ever.
process.exit(code)

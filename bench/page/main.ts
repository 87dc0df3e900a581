// Runs in the browser and in Node: bench/host.mjs or bench/node/main.ts calls `elboBench` and gets everything as data.
import type { BenchOptions, PageReport, PresetResult } from '../results.js'
import { measureCeilings } from './ceilings.js'
import { benchContext } from './context.js'
import { benchKernels } from './kernel-bench.js'
import { compareWithNaive } from './naive-step.js'
import { benchPreset, firstStep, planOf, subjectsOf, type FirstStep } from './preset-bench.js'
import { profilePlan } from './profile.js'
import { createEngine } from '../../src/index.js'

declare global {
  var elboBench: typeof runPage
}

/** Presets whose whole step is compared with one from naive kernels. */
const NAIVE_PRESETS = ['mlp']

globalThis.elboBench = runPage

/** Everything that the options ask for, on an engine of its own. */
export async function runPage(
  options: BenchOptions,
  progress: (message: string) => void = console.log,
): Promise<PageReport> {
  const engine = await createEngine({ powerPreference: 'high-performance' })
  const bench = benchContext(engine, options, progress)
  const { vendor, architecture, device, description } = engine.adapterInfo
  const report: PageReport = {
    adapter: { vendor, architecture, device, description },
    isSoftware: engine.isSoftware,
    clock: engine.device.features.has('timestamp-query') ? 'timestamp-query' : 'queue completion',
    kernels: [],
    presets: [],
    uncovered: [],
  }
  const wanted = options.profile ? { ...options, presets: [options.profile] } : options
  const subjects = subjectsOf(wanted, engine.isSoftware)

  const first = new Map<string, FirstStep>()
  for (const subject of subjects) {
    progress(`${subject.preset}: first step`)
    first.set(subject.preset, await firstStep(subject, options.seed))
  }
  const plans = subjects.map((subject) => planOf(subject, first.get(subject.preset)!))

  if (options.profile) {
    report.ceilings = await measureCeilings(bench)
    progress(`${options.profile}: profile`)
    report.profile = await profilePlan(bench, plans[0], report.ceilings)
  } else {
    for (const [i, subject] of subjects.entries()) {
      if (!subject.preset.includes(options.filter)) continue
      report.ceilings ??= await measureCeilings(bench)
      progress(`${subject.preset}: training`)
      const result: PresetResult = await benchPreset(subject, first.get(subject.preset)!, options, report.ceilings)
      if (NAIVE_PRESETS.includes(subject.preset)) {
        progress(`${subject.preset}: tiled against naive`)
        result.naive = await compareWithNaive(bench, plans[i])
      }
      report.presets.push(result)
    }
    Object.assign(report, await benchKernels(bench, plans))
  }
  for (const { engine: own } of first.values()) own.destroy()
  engine.destroy()
  return report
}

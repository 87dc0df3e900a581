// @ts-check
// Turns a run's figures into markdown.
import { pytorchTable } from './node/report.mjs'
import { peersTables } from './peers/report.mjs'
import { adapterName, figure, percent, table, timingCells } from './tables.mjs'

/** @typedef {import('./record.js').Report} Report */

/** A step that takes at most so many times the sum of its terms is near the limit. */
const STEP_TARGET = 1.5

/** @param {Report} report */
export function markdown(report) {
  const sections = [environmentText(report)]
  if (report.peers) sections.push(peersTables(report.peers, where(report)))
  if (report.pytorch) sections.push(pytorchTable(report.pytorch, where(report)))
  if (report.ceilings) sections.push(ceilingsText(report, report.ceilings))
  if (report.profile) sections.push(profileTable(report))
  if (report.presets.length > 0) sections.push(costTable(report), presetTable(report))
  if (report.presets.some(({ naive }) => naive)) sections.push(naiveTable(report))
  if (report.kernels.length > 0) sections.push(kernelTable(report))
  return sections.join('\n\n')
}

/** @param {Report} report */
function where(report) {
  const name = adapterName(report.adapter)
  return report.isSoftware ? `${name} (software adapter, ${report.cores} CPU cores)` : name
}

/** @param {Report} report */
function environmentText(report) {
  const lines = [
    `Adapter: ${where(report)}`,
    `Runtime: ${report.runtime}; Node ${report.node}; ${report.platform}; ${report.processor}, ${report.cores} cores`,
    `Commit ${report.commit}, ${report.date}, seed ${report.seed}`,
    'Spread is (maximum − minimum) / median',
  ]
  if (!report.peers && !report.pytorch) lines.push(`GPU times by ${report.clock}, repeated inside one pass and divided`)
  if (report.quick) lines.push('**A quick run: too few repetitions to quote.**')
  return ['# elbo benchmark', '', ...lines.map((line) => `- ${line}`)].join('\n')
}

/** @param {Report} report */
function kernelTable(report) {
  const head = ['kernel', 'shape', 'presets', 'median ms', 'min ms', 'spread', 'GFLOP/s', 'GB/s', '× naive', 'outputs']
  /** @param {Report['kernels'][number]} row */
  const cells = (row) => [
    row.kernel,
    row.shape,
    row.presets.join(' '),
    ...timingCells(row.timing),
    figure(row.gflops),
    figure(row.gigabytes),
    figure(row.naiveRatio),
    row.check.state === 'failed' ? 'WRONG' : row.check.state,
  ]
  /** @param {boolean} naive */
  const rows = (naive) => report.kernels.filter(({ kernel }) => kernel.endsWith('_naive') === naive).map(cells)
  const notes = [
    'GFLOP/s of matrix kernels, GB/s of the others (every tensor bound counted once, twice where updated in place).',
    '× naive: how many times as long one invocation a value takes for the same work, in turns in the same run.',
  ]
  if (report.uncovered.length > 0) notes.push(`In no plan of these presets: ${report.uncovered.join(', ')}.`)
  const text = [`## Kernels on ${where(report)}`, '', table(head, rows(false), 3), '', ...notes]
  const naive = rows(true)
  if (naive.length > 0) text.push('', `## Naive kernels on ${where(report)}`, '', table(head, naive, 3))
  return text.join('\n')
}

/**
 * @param {Report} report
 * @param {import('./results.js').Ceilings} ceilings
 */
function ceilingsText(report, { product, products, copy, dispatch }) {
  const giga = (/** @type {number} */ perSecond) => figure(perSecond / 1e9)
  const rows = products.map(({ name, perSecond, timing }) => [name, ...timingCells(timing), giga(perSecond)])
  const { gpuMs, encodeMs, short, long } = dispatch
  const lines = [
    `- Matrix product: **${giga(product.perSecond)} GFLOP/s**, by ${product.name}`,
    `- Copy: **${giga(copy.perSecond)} GB/s** read and written, ${copy.name}`,
    `- Empty dispatch: **${figure(1000 * gpuMs)} µs** of GPU time, each waiting for the one before, from passes of ` +
      `${short.executions} and ${long.executions} (spread ${percent(long.spread)}); the host encodes and submits one in ` +
      `${figure(1000 * encodeMs)} µs`,
  ]
  const head = ['matrix product', 'median ms', 'min ms', 'spread', 'GFLOP/s at min']
  return [`## Ceilings of ${where(report)}`, '', ...lines, '', table(head, rows, 1)].join('\n')
}

/** @param {Report} report */
function costTable(report) {
  const head = ['preset', 'batch', 'dispatches ms', 'arithmetic ms', 'memory ms', 'sum ms', 'measured ms', '× sum']
  const rows = report.presets.map(({ preset, batch, cost }) => [
    preset,
    String(batch),
    ...[cost.dispatchMs, cost.arithmeticMs, cost.memoryMs, cost.sumMs, cost.measuredMs].map(figure),
    `${figure(cost.ratio)}×`,
  ])
  const notes =
    'A step at the ceilings above, which are those of the shortest samples, one term after another: its dispatches at the cost of an empty one, the arithmetic of ' +
    'its matrix kernels at the best product, the bytes of its other kernels at the copy. A step should measure within ' +
    `${STEP_TARGET}× of the sum.`
  return [`## What a step has to cost on ${where(report)}`, '', table(head, rows, 1), '', notes].join('\n')
}

/** @param {Report} report */
function presetTable(report) {
  const head = [
    'preset', 'batch', 'parameters', 'dispatches', 'GFLOP', 'MB', 'ms/step median', 'min', 'spread', 'images/s',
    'first step s', 'next first step s',
  ]
  const rows = report.presets.map((row) => [
    row.preset,
    row.batch === row.recipeBatch ? String(row.batch) : `${row.batch} (recipe ${row.recipeBatch})`,
    row.parameters.toLocaleString('en'),
    String(row.dispatches),
    figure(row.flops / 1e9),
    figure(row.bytes / 1e6),
    ...timingCells(row.step),
    row.imagesPerSecond.toLocaleString('en', { maximumFractionDigits: 0 }),
    figure(row.firstStepMs / 1000),
    figure(row.nextFirstStepMs.medianMs / 1000),
  ])
  const notes =
    'Steps of `train`, cut into windows. GFLOP and MB are what one step computes and moves. ' +
    'First step: from createEngine to the first loss, the choice of tilings included; then again on a new device, with what ' +
    'the browser and the engine remember.'
  return [`## Training steps on ${where(report)}`, '', table(head, rows, 1), '', notes].join('\n')
}

/** @param {Report} report */
function naiveTable(report) {
  const head = ['preset', 'kernels', 'dispatches', 'median ms', 'min ms', 'spread', 'ratio', 'of minima']
  const rows = report.presets.flatMap(({ preset, dispatches, naive }) => {
    if (!naive) return []
    const ratios = [naive.ratio, naive.naive.minMs / naive.tiled.minMs].map((ratio) => `${ratio.toFixed(2)}×`)
    return [
      [preset, 'tiled', String(dispatches), ...timingCells(naive.tiled), '', ''],
      [preset, 'naive dense', String(naive.dispatches), ...timingCells(naive.naive), ...ratios],
    ]
  })
  const note = 'Ratio: the median over pairs of neighbouring runs; of minima, which other load on the machine disturbs least.'
  const title = `## Tiled against naive, whole steps in turns, on ${where(report)}`
  return [title, '', table(head, rows, 2), '', note].join('\n')
}

/** @param {Report} report */
function profileTable(report) {
  const profile = /** @type {import('./results.js').Profile} */ (report.profile)
  const head = [
    '#', 'section', 'kernel', 'shape', 'median ms', 'min ms', 'spread', 'GFLOP/s', 'GB/s', 'share', '× ceiling',
  ]
  const rows = profile.rows.map((row, i) => [
    String(i + 1),
    row.section,
    row.kernel,
    row.shape,
    ...timingCells(row.timing),
    figure(row.gflops),
    figure(row.gigabytes),
    `${(100 * row.share).toFixed(1)} %`,
    `${figure(row.cost.ratio)}×`,
  ])
  const { sumMs, step, cost } = profile
  const sum = `The dispatches sum to ${figure(sumMs)} ms; the whole step takes ${figure(step.medianMs)} ms ` +
    `(min ${figure(step.minMs)}, spread ${percent(step.spread)}): ${((100 * sumMs) / step.medianMs).toFixed(0)} %. At ` +
    `the ceilings it is ${figure(cost.dispatchMs)} ms of dispatches, ${figure(cost.arithmeticMs)} of arithmetic and ` +
    `${figure(cost.memoryMs)} of memory, ${figure(cost.sumMs)} ms in all: it takes ${figure(cost.ratio)}× that.`
  const title = `## One step of ${profile.preset}, batch ${profile.batch}, on ${where(report)}`
  return [title, '', table(head, rows, 4), '', sum].join('\n')
}

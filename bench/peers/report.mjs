// @ts-check
// Turns a comparison with other libraries into markdown.
import { figure, percent, table } from '../tables.mjs'

/**
 * @typedef {import('./results.js').Cell} Cell
 * @typedef {import('./results.js').Library} Library
 * @typedef {import('./results.js').PresetComparison} PresetComparison
 */

const titles = { elbo: 'elbo', tfjs: 'TensorFlow.js', 'jax-js': 'jax-js' }

const notes = [
  'The same networks from the same weights, libraries in pages of their own that take turns; × is the median over ' +
    'neighbouring turns of the time divided by elbo’s. Before anything is timed the losses of the first steps, on the ' +
    'same batches with the same noise, agree to 1e-3.',
  'First step: from the loaded library to the first loss in JavaScript, once in a fresh browser, pipelines and tuning ' +
    'included. Steps: elbo trains by `train`, shuffling its images and drawing its noise; the others get batches and ' +
    'noise that already are on the GPU, and wait for it in the way of those tried that is fastest for them. Decode: ' +
    'from latents to images in JavaScript.',
]

/**
 * @param {{ libraries: Library[], presets: PresetComparison[] }} peers
 * @param {string} where the adapter
 */
export function peersTables({ libraries, presets }, where) {
  const title = `## Beside other libraries on ${where}`
  const failures = presets.flatMap(({ preset, cells }) =>
    cells.flatMap(({ library, error }) => (error ? [`- ${preset}, ${titles[library]}: ${error}`] : [])),
  )
  const sections = [title, ...notes, stepTable(presets), countTable(presets), sizeTable(libraries)]
  if (failures.length > 0) sections.push(`What failed:\n\n${failures.join('\n')}`)
  return sections.join('\n\n')
}

/** @param {PresetComparison[]} presets */
function stepTable(presets) {
  const head = [
    'preset', 'library', 'outputs', 'first step s', '×', 'ms/step median', 'min', 'spread', '×',
    'decode 1 ms', '×', 'decode 225 ms', '×',
  ]
  const rows = rowsOf(presets, ({ check, firstStepMs, step, decode, ratios }) => [
    check ? 'verified' : 'failed',
    figure(firstStepMs && firstStepMs / 1000),
    times(ratios?.firstStep),
    figure(step?.medianMs),
    figure(step?.minMs),
    step ? percent(step.spread) : '',
    times(ratios?.step),
    figure(decode?.[1]?.medianMs),
    times(ratios?.decode[1]),
    figure(decode?.[225]?.medianMs),
    times(ratios?.decode[225]),
  ])
  return table(head, rows, 3)
}

/** @param {PresetComparison[]} presets */
function countTable(presets) {
  const head = [
    'a step of', 'library', 'waits for it', 'dispatches', 'bind groups made', 'buffers made', 'submissions',
    'windows × steps',
  ]
  const rows = rowsOf(presets, ({ waits = '', counts, step }) => [
    waits,
    ...[counts?.dispatches, counts?.bindGroups, counts?.buffers, counts?.submissions].map(count),
    step ? `${step.samplesMs.length} × ${count(step.executions)}` : '',
  ])
  return table(head, rows, 3)
}

/** @param {Library[]} libraries */
function sizeTable(libraries) {
  const head = ['a page that trains with', 'version', 'minified kB', 'gzip kB', '×']
  const rows = libraries.map(({ name, version, minifiedBytes, gzipBytes }) => [
    titles[name],
    version,
    minifiedBytes > 0 ? figure(minifiedBytes / 1000) : '',
    gzipBytes > 0 ? figure(gzipBytes / 1000) : '',
    gzipBytes > 0 ? times(gzipBytes / libraries[0].gzipBytes) : '',
  ])
  return table(head, rows, 2)
}

/** @param {PresetComparison[]} presets @param {(cell: Cell) => string[]} columns */
function rowsOf(presets, columns) {
  return presets.flatMap(({ preset, batch, cells }) =>
    cells.map((cell) => [`${preset}, batch ${batch}`, titles[cell.library], ...columns(cell)]),
  )
}

/** Whole numbers stay whole. @param {number | undefined} value */
function count(value) {
  return Number.isInteger(value) ? String(value) : figure(value)
}

/** @param {number | undefined} ratio */
function times(ratio) {
  return ratio === undefined ? '' : `${ratio.toFixed(2)}×`
}

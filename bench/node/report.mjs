// @ts-check
// Turns a comparison with PyTorch into markdown.
import { figure, percent, table } from '../tables.mjs'

const notes =
  'The same networks from the same weights; before anything is timed the losses of the first steps, on the same batches ' +
  'with the same noise, agree to 1e-3. elbo trains by `train`, shuffling its images and drawing its noise; PyTorch’s ' +
  'batches and noise are on the device already. Half of elbo’s windows come before PyTorch’s, half after. Float32 ' +
  'throughout, TF32 off. × is the ratio of the medians.'

/**
 * @param {import('../results.js').PyTorchComparison} comparison
 * @param {string} where elbo's adapter
 */
export function pytorchTable({ version, reason, device, threads, rows }, where) {
  const place = device === 'CPU' ? `the CPU, ${threads} threads` : device
  const other = version ? `PyTorch ${version} on ${place}` : `PyTorch: ${reason}`
  const head = ['preset', 'batch', 'library', 'ms/step median', 'min', 'spread', 'images/s', '×']
  const cells = rows.map(({ preset, batch, way, step, ratio }) => [
    preset,
    String(batch),
    way === 'elbo' ? way : `PyTorch, ${way}`,
    ...(step ? [figure(step.medianMs), figure(step.minMs), percent(step.spread)] : ['failed', '', '']),
    step ? Math.round((1000 * batch) / step.medianMs).toLocaleString('en') : '',
    ratio === undefined ? '' : `${figure(ratio)}×`,
  ])
  const failures = rows.flatMap(({ preset, batch, way, error }) =>
    error ? [`- ${preset}, batch ${batch}, ${way}: ${error}`] : [],
  )
  const sections = [`## Beside PyTorch: elbo on ${where}`, other, notes, table(head, cells, 3)]
  if (failures.length > 0) sections.push(`What failed:\n\n${failures.join('\n')}`)
  return sections.join('\n\n')
}

// @ts-check
// Publishes a run's figures: with where and when they were taken, as markdown for the reader and JSON for the record.
import { execFileSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { markdown } from './report.mjs'
import { adapterName } from './tables.mjs'

/**
 * @typedef {import('./record.js').Environment} Environment
 * @typedef {import('./record.js').Report} Report
 */

/**
 * Prints a report and writes it.
 *
 * @param {Report} report
 * @param {import('./options.mjs').CommandLine} options
 * @param {string} folder for complete runs
 * @returns {Promise<boolean>} whether every check passed
 */
export async function publish(report, options, folder) {
  console.log(markdown(report))
  const file = outputFile(options, report, folder)
  if (file) {
    await mkdir(dirname(file), { recursive: true })
    const whole = options.out ? report : await completed(file, report)
    await writeFile(file, `${JSON.stringify(whole, null, 1)}\n`)
    console.error(`Wrote ${relative(process.cwd(), file)}`)
  }
  const failed = report.kernels.filter(({ check }) => check.state === 'failed')
  for (const { kernel, shape, check } of failed) console.error(`${kernel} ${shape} is wrong: ${check.detail}`)
  return failed.length === 0
}

/** @param {import('./options.mjs').CommandLine} options @param {{ commit: string, runtime: string }} given @returns {Environment} */
export function environment({ seed, quick }, { commit, runtime }) {
  return {
    date: new Date().toISOString(),
    commit,
    runtime,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    seed,
    quick,
    arguments: process.argv.slice(2).join(' '),
  }
}

/** @param {string} root of the repository */
export function commitOf(root) {
  /** @param {string[]} args */
  const git = (...args) => execFileSync('git', args, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] }).toString().trim()
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') !== ''
    return git('rev-parse', '--short', 'HEAD') + (changed ? '+' : '')
  } catch {
    return 'unknown'
  }
}

/**
 * With what an earlier run of the day has measured: the comparison with other libraries is a run of its own.
 *
 * @param {string} file
 * @param {Report} report
 * @returns {Promise<Report>}
 */
async function completed(file, report) {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  /** @type {Report | undefined} */
  const earlier = text === undefined ? undefined : JSON.parse(text)
  if (!earlier) return report
  const { peers = earlier.peers, pytorch = earlier.pytorch } = report
  return { ...(report.peers || report.pytorch ? earlier : report), peers, pytorch }
}

/**
 * Where the JSON goes: a partial run leaves the results folder alone.
 *
 * @param {import('./options.mjs').CommandLine} options
 * @param {Report} report
 * @param {string} folder
 */
function outputFile({ out, quick, filter, presets, profile, runtime }, report, folder) {
  if (out) return resolve(out)
  if (quick || filter || profile || presets.length > 0) return undefined
  const slug = adapterName(report.adapter).toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')
  const place = runtime === 'node' ? '-node' : ''
  return join(folder, `${report.date.slice(0, 10)}-${slug}${place}.json`)
}

// @ts-check
import { existsSync, readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { join, relative } from 'node:path'

/**
 * Replaces places in bundles by places in the sources.
 *
 * @param {import('./outcome.mjs').Outcome} outcome
 * @param {string} out the folder of the bundles, whose last part is in every place: `…/page/kernels/x.mjs:1:2`
 * @returns {import('./outcome.mjs').Outcome}
 */
export function inSources(outcome, out) {
  /** @type {Map<string, SourceMap | undefined>} */
  const maps = new Map()
  /** @param {string} text */
  const translate = (text) =>
    text.replace(/(?:https?|file):\/\/\S+?\/page\/([^\s?:]+\.mjs):(\d+):(\d+)/g, (whole, name, line, column) => {
      if (!maps.has(name)) {
        const path = join(out, `${name}.map`)
        maps.set(name, existsSync(path) ? new SourceMap(JSON.parse(readFileSync(path, 'utf8'))) : undefined)
      }
      const entry = maps.get(name)?.findEntry(Number(line) - 1, Number(column) - 1)
      if (!entry || !('originalSource' in entry)) return whole
      const source = relative(process.cwd(), join(out, name, '..', entry.originalSource))
      return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
    })
  return { ...outcome, failures: outcome.failures.map(translate), stray: outcome.stray.map(translate) }
}

// @ts-check
// npm run lint: the strict type check and the house rules.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ensureInstalled } from './ensure-installed.mjs'

/** Every violation as `file:line: message`. @param {string} root @returns {Promise<string[]>} */
export async function lint(root) {
  const { houseRules } = await import('./house-rules.mjs')
  const projects = ['tsconfig.json', 'test/tsconfig.json']
  const found = await Promise.all([houseRules(root), ...projects.map((project) => typeCheck(root, project))])
  return [...new Set(found.flat())]
}

/** @param {string} root @param {string} project @returns {Promise<string[]>} */
async function typeCheck(root, project) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const args = [tsc, '--noEmit', '--pretty', 'false', '-p', project]
  const { stdout, failed } = await new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: root, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      resolve({ stdout: stdout + stderr, failed: error !== null })
    })
  })
  // Indented lines go on with the message above them.
  const lines = stdout.trim().split(/\n(?! )/).filter((/** @type {string} */ line) => line !== '')
  if (failed && lines.length === 0) return [`${project}:1: tsc failed without a message`]
  return failed ? lines.map((/** @type {string} */ line) => line.replace(/^(\S+)\((\d+),(\d+)\): /, '$1:$2:$3: ')) : []
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await ensureInstalled()
  const violations = await lint(fileURLToPath(new URL('../../', import.meta.url)))
  for (const violation of violations) console.log(violation)
  console.log(violations.length === 0 ? 'lint: clean' : `lint: ${violations.length} violations`)
  process.exit(violations.length === 0 ? 0 : 1)
}

// @ts-check
// Rules that the type checker cannot see: who may import whom, names of files and kernels, no `any`, line length.
import { readFile, readdir } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { readShaders, shaderViolations } from './shader-libraries.mjs'

/** What each folder of src/ may import beside itself and the free files. @type {Record<string, string[]>} */
const layers = {
  device: [],
  kernels: ['device'],
  schedule: ['device', 'kernels'],
  ops: [],
  model: ['device', 'kernels', 'schedule', 'ops'],
  train: ['device', 'kernels', 'schedule', 'ops', 'model', 'data', 'formats', 'stores'],
  data: [],
  formats: [],
  export: ['ops', 'model', 'formats'],
  stores: ['formats'],
}
const freeFiles = ['errors', 'checks', 'arrays', 'labels', 'tensor', 'random'].map((name) => `src/${name}`)
/** Everyone may name the type of a dispatch. */
const freeTypes = ['src/ops/dispatch']
/** The one package that is bundled, into `dist/onnx.js` alone, and those who may import it. */
const bundled = { '@bufbuild/protobuf': 'src/formats/onnx/' }
/** What the page and the pictures of a training run are drawn with. */
const drawing = 'src/tools/drawing/'
const maxColumns = 120

/** @typedef {{ line: number, specifier: string, typeOnly: boolean }} Import */

/** Every violation as `file:line: message`. @param {string} root @returns {Promise<string[]>} */
export async function houseRules(root) {
  const violations = packageRules(await readFile(join(root, 'package.json'), 'utf8'))
  /** @type {Map<string, string>} */
  const sources = new Map()
  for (const folder of ['src', 'shaders', 'demo', 'bench', 'examples', 'test', '.']) {
    for (const path of await filesIn(root, folder)) {
      const text = await readFile(join(root, path), 'utf8')
      violations.push(...fileRules(path, text))
      if (/^(src|demo|bench|test)\/.*\.(ts|mjs)$/.test(path)) sources.set(path, text)
    }
  }
  const { kernels, libraries } = await readShaders(root)
  return [...violations, ...circleRules(sources), ...shaderViolations(kernels, libraries)]
}

/**
 * No file may import itself by way of others, types included: such files are one, or a third is missing. One violation
 * for every circle that is found on the way through the imports, each file of it named in order.
 *
 * @param {Map<string, string>} sources texts by path from the root
 */
export function circleRules(sources) {
  /** @type {string[]} */
  const violations = []
  /** @type {Set<string>} */
  const done = new Set()
  /** @param {string} path @param {string[]} way the files that lead here */
  const visit = (path, way) => {
    if (way.includes(path)) {
      violations.push(`${path}:1: imports itself: ${[...way.slice(way.indexOf(path)), path].join(' → ')}`)
      return
    }
    if (done.has(path)) return
    for (const target of targetsOf(path, sources)) visit(target, [...way, path])
    done.add(path)
  }
  for (const path of sources.keys()) visit(path, [])
  return violations
}

/** The sources that a file imports. @param {string} path @param {Map<string, string>} sources */
function targetsOf(path, sources) {
  const targets = importsOf(sources.get(path) ?? '').map(({ specifier }) => posix.join(posix.dirname(path), specifier))
  return new Set(targets.flatMap((target) => [target, target.replace(/\.js$/, '.ts')].filter((name) => sources.has(name))))
}

/** Source files under a folder; of the root, only its own. @param {string} root @param {string} folder */
async function filesIn(root, folder) {
  /** @type {string[]} */
  const found = []
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => [])
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = posix.join(folder, entry.name)
    if (entry.name === 'node_modules') continue
    if (entry.isDirectory() && folder !== '.') found.push(...(await filesIn(root, path)))
    else if (/\.(ts|mjs|wgsl|css)$/.test(entry.name)) found.push(path)
  }
  return found
}

/** The rules for one file's text. @param {string} path from the root, with slashes @param {string} text */
export function fileRules(path, text) {
  const violations = [...nameRules(path), ...lengthRules(path, text)]
  if (path.endsWith('.wgsl')) violations.push(...kernelRules(path, text))
  if (path.endsWith('.ts')) violations.push(...anyRules(path, text), ...bufferRules(path, text))
  if (path.startsWith('test/')) violations.push(...assertionRules(path, text))
  if (/\.(ts|mjs)$/.test(path)) {
    for (const found of importsOf(text)) {
      const message = path.startsWith('src/') ? layerRule(path, found) : demoRule(path, found)
      if (message) violations.push(`${path}:${found.line}: ${message}`)
    }
  }
  return violations
}

/** Limits are checked and error scopes opened in one place. @param {string} path @param {string} text */
function bufferRules(path, text) {
  const at = text.indexOf('.createBuffer(')
  return at < 0 || !path.startsWith('src/') || path === 'src/device/memory.ts' ? [] : [`${path}:${lineOf(text, at)}: buffers are made by allocate, of src/device/memory.ts`]
}

/** No dependency is shipped; what an entry besides the main one needs is an optional peer. @param {string} json */
export function packageRules(json) {
  const manifest = JSON.parse(json)
  /** @param {string} field */
  const place = (field) => `package.json:${lineOf(json, json.indexOf(`"${field}"`))}`
  const shipped = ['dependencies', 'optionalDependencies'].flatMap((field) => {
    if (Object.keys(manifest[field] ?? {}).length === 0) return []
    return [`${place(field)}: ${field} must stay empty, the engine ships none`]
  })
  const needed = Object.keys(manifest.peerDependencies ?? {}).filter((name) => {
    return manifest.peerDependenciesMeta?.[name]?.optional !== true
  })
  return [...shipped, ...needed.map((name) => `${place('peerDependencies')}: the peer ${name} must be optional`)]
}

/** @param {string} path */
function nameRules(path) {
  const name = posix.basename(path)
  const snake = path.startsWith('shaders/') || path.startsWith('test/kernels/') ? '_' : ''
  const pattern = new RegExp(`^[a-z0-9]+([-${snake}][a-z0-9]+)*(\\.[a-z]+)+$`)
  const violations = pattern.test(name) ? [] : [`${path}:1: file names are ${snake ? 'snake_case' : 'kebab-case'}`]
  if (name === 'index.ts' && path !== 'src/index.ts') violations.push(`${path}:1: no barrel file but src/index.ts`)
  return violations
}

/** Long string literals may run over. @param {string} path @param {string} text */
function lengthRules(path, text) {
  return text.split('\n').flatMap((line, index) => {
    const columns = [...line].length
    const bare = [...line.replace(/(['"`])(?:(?!\1).)*\1/g, '')].length
    return bare > maxColumns ? [`${path}:${index + 1}: ${columns} columns, at most ${maxColumns}`] : []
  })
}

/** @param {string} path @param {string} text */
function kernelRules(path, text) {
  const name = posix.basename(path, '.wgsl')
  const entries = [...text.replace(/\/\/.*$/gm, '').matchAll(/@compute\b[^{;]*?\bfn\s+(\w+)/g)].map((match) => match[1])
  if (path.startsWith('shaders/lib/')) return entries.length > 0 ? [`${path}:1: a library has no entry point`] : []
  return entries.length === 1 && entries[0] === name
    ? []
    : [`${path}:1: needs exactly one entry point named ${name}, has ${entries.join(', ') || 'none'}`]
}

/** @param {string} path @param {string} text */
function anyRules(path, text) {
  return text.split('\n').flatMap((line, index) => {
    const code = line.replace(/(['"`]).*?\1/g, "''").replace(/\/\/.*$|^\s*\/?\*.*$/, '')
    return /(?:[:<,|&(=]|\bas|\bextends)\s*any\b(?!\s*\()/.test(code) ? [`${path}:${index + 1}: no any`] : []
  })
}

/**
 * `assert.throws(call)` and `assert.throws(call, 'text')` pass whatever is thrown: to uvu a string is only the message
 * of the failure.
 *
 * @param {string} path
 * @param {string} text
 */
function assertionRules(path, text) {
  return [...text.matchAll(/(?<!['"`])\bassert\.throws\(/g)].flatMap((match) => {
    const expected = argumentsFrom(text, match.index + match[0].length)[1]
    if (expected !== undefined && !/^['"`]/.test(expected)) return []
    return [`${path}:${lineOf(text, match.index)}: throws needs what is thrown, a RegExp or a function`]
  })
}

/** The arguments of a call, from after its parenthesis. @param {string} text @param {number} start */
function argumentsFrom(text, start) {
  const found = ['']
  // Strings, regular expressions in argument position, brackets, all else; the quotes of a template end it.
  const piece = /(['"`])(?:\\[^]|(?!\1)[^])*\1|(?<=[(,]\s*)\/(?:\\.|\[(?:\\.|[^\]])*\]|[^/\n])+\/|[^]/g
  piece.lastIndex = start
  let depth = 0
  for (let match = piece.exec(text); match; match = piece.exec(text)) {
    const [token] = match
    if (token.length === 1 && '([{'.includes(token)) depth++
    if (token.length === 1 && ')]}'.includes(token) && --depth < 0) break
    if (token === ',' && depth === 0) found.push('')
    else found[found.length - 1] += found[found.length - 1] === '' ? token.trim() : token
  }
  return found.filter((argument) => argument !== '')
}

/** Import and re-export statements and `import()` calls. @param {string} text @returns {Import[]} */
export function importsOf(text) {
  const statement = /^(?:import|export)\s+(type\s+)?(?:([\w$*{][^'"`;=()]*?)\s*from\s*)?(['"])([^'"\n]+)\3/gm
  /** @type {Import[]} */
  const found = []
  for (const match of text.matchAll(statement)) {
    const [, type, names = '', , specifier] = match
    const braces = /^\{([^}]*)\}$/.exec(names.trim())
    const allTypes = braces?.[1].split(',').every((name) => name.trim() === '' || /^type\s/.test(name.trim()))
    found.push({ line: lineOf(text, match.index ?? 0), specifier, typeOnly: Boolean(type) || allTypes === true })
  }
  for (const match of text.matchAll(/\bimport\(\s*(['"])([^'"\n]+)\1\s*\)/g)) {
    found.push({ line: lineOf(text, match.index ?? 0), specifier: match[2], typeOnly: false })
  }
  return found
}

/** @param {string} path @param {Import} found */
function layerRule(path, { specifier, typeOnly }) {
  const layer = layerOf(path)
  if (layer === 'tools') return toolRule(path, specifier)
  if (specifier === 'elbo:kernels') {
    return layer === 'kernels' || layer === 'schedule' ? '' : 'only src/kernels and src/schedule see the kernel table'
  }
  if (isBundled(path, specifier)) return ''
  if (isForNode(path)) return nodeRule(path, specifier, typeOnly)
  if (!specifier.startsWith('.')) return `the engine has no dependency, yet imports "${specifier}"`
  const target = posix.join(posix.dirname(path), specifier).replace(/\.(js|ts|mjs)$/, '')
  if (!target.startsWith('src/')) return `the engine imports nothing outside src, yet "${specifier}"`
  if (freeFiles.includes(target) || (typeOnly && freeTypes.includes(target))) return ''
  if (freeFiles.includes(path.replace(/\.ts$/, ''))) return `${path} serves every layer and imports only its like`
  const wanted = layerOf(target)
  if (wanted === 'tools') return 'src/tools is for commands; the engine cannot import it'
  if (isForNode(target)) return 'src/node is for Node; pages cannot have it'
  if (layer === '' || wanted === layer) return ''
  if (!(layer in layers)) return `src/${layer} is no layer; see the list in src/tools/house-rules.mjs`
  if (layers[layer].includes(wanted)) return ''
  return `src/${layer} must not import ${target}: it knows ${layers[layer].join(', ') || 'no other layer'}`
}

/** @param {string} path without or with its extension */
function isForNode(path) {
  return layerOf(path) === 'node' || /^src\/node(\.ts)?$/.test(path)
}

/**
 * The entry for Node is a bundle of its own beside the main one: what it took from deeper in would be there twice.
 *
 * @param {string} path
 * @param {string} specifier
 * @param {boolean} typeOnly
 */
function nodeRule(path, specifier, typeOnly) {
  if (specifier.startsWith('node:')) return ''
  const target = posix.join(posix.dirname(path), specifier)
  if (typeOnly || target === 'src/index.js' || (specifier.startsWith('.') && target.startsWith('src/node/'))) return ''
  return `what is for Node imports src/index.ts and Node's own modules, not "${specifier}"`
}

/** @param {string} path @param {string} specifier */
function isBundled(path, specifier) {
  return Object.entries(bundled).some(([name, folder]) => path.startsWith(folder) && `${specifier}/`.startsWith(`${name}/`))
}

/** @param {string} path @param {string} specifier */
function toolRule(path, specifier) {
  const target = posix.join(posix.dirname(path), specifier)
  if (/^(demo|bench|test)\//.test(target)) return `commands import neither the page nor what measures or tests them`
  if (!path.startsWith(drawing)) return ''
  const isFree = specifier === 'uplot' || target.startsWith(drawing) || target === 'src/index.js'
  return isFree ? '' : `${drawing} serves the page too: it imports src/index.ts and uplot, nothing deeper`
}

/** The folder below src/, empty for files of src/ itself. @param {string} path */
function layerOf(path) {
  const parts = path.split('/')
  return parts.length > 2 ? parts[1] : ''
}

/** @param {string} path @param {Import} found */
function demoRule(path, { specifier }) {
  if (!path.startsWith('demo/')) return ''
  if (!specifier.startsWith('.')) return specifier === 'uplot' ? '' : `the demo imports uplot only, not "${specifier}"`
  const target = posix.join(posix.dirname(path), specifier)
  if (target.startsWith('demo/') || target.startsWith(drawing) || target === 'src/index.js') return ''
  return `the demo imports src/index.ts and what it draws with, ${drawing}, nothing deeper`
}

/** @param {string} text @param {number} offset */
function lineOf(text, offset) {
  return text.slice(0, offset).split('\n').length
}

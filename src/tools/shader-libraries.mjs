// @ts-check
// What shaders say of each other, checked against what they do:
//
//   // uses: row_sum, lane_mask    in a kernel or library: the files of shaders/lib/ whose names it mentions, all
//   // expects: z, params.B        in a library: the names it mentions that the kernel declares, all
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * @typedef {object} Shader
 * @property {string} path from the root: `shaders/lib/row_sum.wgsl`
 * @property {string} name of the file, without folder and ending
 * @property {string} code without comments and indentation, line numbers kept
 * @property {string[]} declared names of the module's scope, and the members of its params: `params.B`
 * @property {Set<string>} locals names of variables, parameters and members
 * @property {Map<string, number>} mentions every name, and every member of `params`, with the first line that has it
 * @property {Map<string, number>} uses libraries, with the line that names them
 * @property {Map<string, number>} expects names, with the line that has them
 */

/** The shaders of `shaders/` and its `lib/`, by name. @param {string} root */
export async function readShaders(root) {
  const [kernels, libraries] = await Promise.all(
    ['shaders', 'shaders/lib'].map(async (folder) => {
      const files = (await readdir(join(root, folder))).filter((file) => file.endsWith('.wgsl')).sort()
      const sources = await Promise.all(files.map((file) => readFile(join(root, folder, file), 'utf8')))
      return sources.map((source, i) => parseShader(`${folder}/${files[i]}`, source))
    }),
  )
  return { kernels, libraries }
}

/** @param {string} path @param {string} source @returns {Shader} */
export function parseShader(path, source) {
  const uncommented = source.replace(/\/\/.*$/gm, '')
  const code = uncommented.replace(/^[ \t]+|[ \t]+$/gm, '').trimEnd()
  const unindented = /^(?:@\w+(?:\([^)]*\))? +)*(?:fn|struct|const|override|alias|var(?:<[^>]*>)?) +(\w+)/gm
  const members = /^struct Params \{([^}]*)\}/m.exec(code)?.[1] ?? ''
  const params = firsts(members, /^(\w+)\s*:/gm).map((name) => `params.${name}`)
  const names = [...code.matchAll(/(?<![.\w])params\.\w+|(?<![.\w])[A-Za-z_]\w*/g)]
  return {
    path,
    name: path.replace(/^.*\/|\.wgsl$/g, ''),
    code,
    declared: [...firsts(uncommented, unindented), ...params],
    locals: new Set(firsts(code, /\b(?:let|var|const)\s+(\w+)|\b(\w+)\s*:/g)),
    mentions: new Map(names.toReversed().map((match) => [match[0], lineAt(code, match.index)])),
    uses: listed(source, 'uses'),
    expects: listed(source, 'expects'),
  }
}

/** Every violation as `file:line: message`. @param {Shader[]} kernels @param {Shader[]} libraries */
export function shaderViolations(kernels, libraries) {
  const found = [...kernels, ...libraries].flatMap((shader) => useViolations(shader, libraries))
  if (found.length > 0) return found
  const needed = kernels.map((kernel) => ({ kernel, needs: librariesOf(kernel, libraries) }))
  for (const library of libraries) {
    const users = needed.filter(({ needs }) => needs.includes(library))
    if (users.length === 0) found.push(`${library.path}:1: no kernel uses it`)
    for (const [name, line] of library.expects) {
      if (!library.mentions.has(name)) found.push(`${library.path}:${line}: expects "${name}", which it does not mention`)
    }
    for (const { kernel, needs } of users) found.push(...expectViolations(library, kernel, needs))
  }
  return [...new Set(found)]
}

/**
 * The libraries that a shader needs, each once, with those that they need in turn.
 * @param {Shader} shader @param {Shader[]} libraries
 */
export function librariesOf(shader, libraries) {
  /** @type {Shader[]} */
  const needed = []
  const visit = (/** @type {Shader} */ { uses }) => {
    for (const library of libraries) {
      if (!uses.has(library.name) || needed.includes(library)) continue
      needed.push(library)
      visit(library)
    }
  }
  visit(shader)
  return needed
}

/**
 * Libraries that are named but not there, or not mentioned, and those that are mentioned but not named.
 * @param {Shader} shader @param {Shader[]} libraries
 */
function useViolations(shader, libraries) {
  const { path, uses, mentions, declared, locals } = shader
  const known = libraries.map((library) => library.name)
  const found = [...uses].filter(([use]) => !known.includes(use)).map(([use, line]) => {
    return `${path}:${line}: uses "${use}", but shaders/lib/ has ${known.join(', ')}`
  })
  for (const library of libraries) {
    if (library === shader) continue
    const foreign = library.declared.filter((name) => !declared.includes(name) && !locals.has(name))
    const mentioned = foreign.find((name) => mentions.has(name))
    const line = uses.get(library.name)
    if (line !== undefined && mentioned === undefined) {
      found.push(`${path}:${line}: uses "${library.name}", but mentions none of ${library.declared.join(', ')}`)
    }
    if (line === undefined && mentioned !== undefined) {
      found.push(`${path}:${mentions.get(mentioned)}: "${mentioned}" is in lib/${library.name}, not named by "// uses:"`)
    }
  }
  return found
}

/**
 * What a library expects but the kernel lacks, and what it takes from the kernel without saying so.
 * @param {Shader} library @param {Shader} kernel @param {Shader[]} needs the kernel's libraries
 */
function expectViolations(library, kernel, needs) {
  const { path, expects, mentions, declared, locals } = library
  const offered = new Set([kernel, ...needs].flatMap((shader) => shader.declared))
  const found = [...expects.keys()].filter((name) => !offered.has(name)).map((name) => {
    return `${kernel.path}:${[...kernel.uses.values()][0]}: lib/${library.name} expects "${name}", which the kernel lacks`
  })
  for (const name of kernel.declared) {
    if (!mentions.has(name) || expects.has(name) || declared.includes(name) || locals.has(name)) continue
    found.push(`${path}:${mentions.get(name)}: "${name}" is in ${kernel.path}, not named by "// expects:"`)
  }
  return found
}

/**
 * The names in lines `// word: a, b`, each with its line.
 * @param {string} source @param {string} word @returns {Map<string, number>}
 */
function listed(source, word) {
  const found = new Map()
  for (const { 1: names, index } of source.matchAll(new RegExp(`^// ${word}: (.+)$`, 'gm'))) {
    for (const name of names.split(',')) found.set(name.trim(), lineAt(source, index))
  }
  return found
}

/** The first group with text of every match. @param {string} text @param {RegExp} pattern */
function firsts(text, pattern) {
  return [...text.matchAll(pattern)].map(([, first, second]) => first ?? second)
}

/** @param {string} text @param {number} index */
function lineAt(text, index) {
  return text.slice(0, index).split('\n').length
}

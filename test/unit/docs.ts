// What README and docs/ show: every block of code is checked, every command exists with its options, every link leads.
import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import * as assert from 'uvu/assert'
import { usage } from '../../src/tools/command/commands.js'
import { suite } from '../harness/suite.js'
import { blocksOf, documentation, type CodeBlock } from '../support/code-blocks.js'

const docs = suite('documentation')

/** What a block may take for granted, with its type; and what the main entry exports. */
const GIVEN: Record<string, string> = {
  engine: 'elbo.Engine',
  vae: 'elbo.Vae',
  data: 'elbo.Dataset<Uint8Array>',
  test: 'elbo.Dataset',
  images: 'elbo.Tensor',
  presets: 'typeof elbo.presets',
  recipes: 'typeof elbo.recipes',
  adam: 'typeof elbo.adam',
}

const COMMAND = /^(?:npm (?:run \w|test|start|install)|node \S+\.mjs|elbo [a-z]+)/

const LANGUAGES = ['ts', 'sh', 'py', 'python', '']

const pages = await documentation()
const blocks = pages.flatMap(([file, text]) => blocksOf(file, text))
const inLanguage = (...languages: string[]) => blocks.filter(({ language }) => languages.includes(language))

docs('has blocks of the languages that are checked here', () => {
  for (const { place, language } of blocks) assert.ok(LANGUAGES.includes(language), `${place}: ${language}`)
  for (const language of LANGUAGES) assert.ok(inLanguage(language).length > 0, `no block of "${language}"`)
})

docs('finds fenced and indented blocks, and refuses a fence without a language or an end', () => {
  const text = 'a\n\n```ts\nx\n\n    y\n```\n\n    z\n\n    w\nb'
  assert.equal(blocksOf('f', text).map(({ place, language, code }) => [place, language, code]), [
    ['f:4', 'ts', 'x\n\n    y'],
    ['f:9', '', 'z\nw'],
  ])
  assert.throws(() => blocksOf('f', '```\nx\n```'), /f:1: a block of code without its language/)
  assert.throws(() => blocksOf('f', '```ts\nx'), /f:2: the block is not closed/)
})

docs('TypeScript is valid against the sources, strictly', async () => {
  const folder = join('.cache', `docs-${process.pid}`)
  await mkdir(folder, { recursive: true })
  try {
    const paths = { elbo: ['../../src/index.ts'], 'elbo/*': ['../../src/*.ts'] }
    const compilerOptions = { paths, noUnusedLocals: false }
    const include = ['*.ts', '../../src/kernels/kernels.d.ts', '../../src/export/pytorch/python.d.ts']
    const config = { extends: '../../tsconfig.json', compilerOptions, include, exclude: [] }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const shown = inLanguage('ts')
    await Promise.all(shown.map((block, i) => writeFile(join(folder, `block-${i}.ts`), moduleOf(block))))
    const tsc = ['node_modules/typescript/bin/tsc', '--noEmit', '--pretty', 'false', '-p', folder]
    const said = await promisify(execFile)(process.execPath, tsc).then(() => '', ({ stdout }) => String(stdout))
    assert.is(said.replace(/\S*block-(\d+)\.ts/g, (_, i) => shown[Number(i)].place), '')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

docs('Python parses', () => {
  for (const { place, code } of inLanguage('py', 'python')) {
    try {
      execFileSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], { input: code, stdio: 'pipe' })
    } catch (error) {
      const { code: reason, stderr } = error as { code?: string; stderr?: Buffer }
      if (reason === 'ENOENT') return console.log('did not run: there is no python3')
      throw new Error(`${place}: ${stderr}`)
    }
  }
})

docs('commands are there, and take the options that they are shown with', async () => {
  const { scripts } = JSON.parse(await readFile('package.json', 'utf8'))
  const shown = commands()
  assert.ok(shown.length > 40, `${shown.length} were found`)
  for (const { place, words } of shown) {
    const told = `${place}: ${words.join(' ')}`
    const [program, second, third] = words
    const script = program === 'npm' ? (second === 'run' ? third : second) : undefined
    if (script === 'install') continue
    if (script === 'test') await expectTests(words, told)
    else if (script) await expectScript(scripts[script]?.replace(/^node /, ''), words, told)
    else if (program === 'node') await expectScript(second === 'out/bench.mjs' ? 'bench/run.mjs' : second, words, told)
    else {
      assert.match(usage(), new RegExp(`^ {2}${second} `, 'm'), told)
      await expectOptions('src/tools', words, told)
    }
  }
})

docs('links lead somewhere', async () => {
  let count = 0
  for (const [file, text] of pages) {
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue
      const [path, heading] = target.split('#')
      const page = path ? join(dirname(file), path) : file
      assert.ok(existsSync(page), `${file}: ${target}`)
      count++
      if (!heading) continue
      const headings = [...(await readFile(page, 'utf8')).matchAll(/^#+ (.*)$/gm)].map(([, words]) => anchorOf(words))
      assert.ok(headings.includes(heading), `${file}: ${target} is none of ${headings.join(', ')}`)
    }
  }
  assert.ok(count > 15, `${count} links were found`)
})

/** A block as a module, with what it takes for granted declared, unless it declares it. */
function moduleOf({ code }: CodeBlock): string {
  const own = [...code.matchAll(/\b(?:const|let|for await \(const) (?:\{([^}]*)\}|(\w+))|\bimport \{([^}]*)\}/g)]
  const declared = new Set(own.flatMap(([, ...names]) => names.join(',').split(/[,\s]+/)))
  const needed = Object.entries(GIVEN).filter(([name]) => !declared.has(name) && new RegExp(`\\b${name}\\b`).test(code))
  const lines = needed.map(([name, type]) => `declare const ${name}: ${type}`)
  return [code, "import type * as elbo from 'elbo'", ...lines, 'export {}', ''].join('\n')
}

/** Command lines in blocks and in the text between backticks, as words. */
function commands(): { place: string; words: string[] }[] {
  const lines = inLanguage('sh', '').flatMap(({ place, code }) => code.split('\n').map((line) => ({ place, line })))
  const spans = pages.flatMap(([place, text]) => {
    return [...text.matchAll(/`([^`\n]+)`/g)].map(([, line]) => ({ place, line }))
  })
  return [...lines, ...spans].flatMap(({ place, line }) => {
    const bare = line.replace(/\s+#.*$/, '').replace(/^(?:[A-Z_]+=\S+ )+/, '').replace(/^npx /, '')
    const words = bare.split(' ')
    return COMMAND.test(bare) ? [{ place, words }] : []
  })
}

/** A script of ours is there, and knows the options. */
async function expectScript(path: string | undefined, words: string[], told: string): Promise<void> {
  assert.ok(path && existsSync(path), told)
  await expectOptions(path.replace(/(?:\/run)?\.mjs$/, ''), words, told)
}

/** The sources in a folder, or of that beginning, name every option. */
async function expectOptions(place: string, words: string[], told: string): Promise<void> {
  const options = words.filter((word) => /^--\w/.test(word)).map((word) => word.slice(2))
  if (options.length === 0) return
  const files = existsSync(place) ? await readdir(place, { recursive: true }) : []
  const sources = [...files.filter((file) => /\.m?[jt]s$/.test(file)).map((file) => join(place, file)), `${place}.mjs`]
  const text = (await Promise.all(sources.filter(existsSync).map((file) => readFile(file, 'utf8')))).join('\n')
  for (const option of options) assert.match(text, new RegExp(`['"]${option}['"]|--${option}\\b|\\b${option}:`), told)
}

/** Every filter fits a test file. */
async function expectTests(words: string[], told: string): Promise<void> {
  const args = words.slice(words.indexOf('--') + 1)
  if (!words.includes('--')) return
  const at = args.indexOf('--folder')
  const folder = at < 0 ? 'test' : args[at + 1]
  const files = (await readdir(folder, { recursive: true })).map((file) => `${folder}/${file}`)
  const filters = args.filter((arg, i) => !arg.startsWith('--') && !['--folder', '--timeout'].includes(args[i - 1]))
  for (const filter of filters) assert.ok(files.some((file) => file.includes(filter)), `${told}: ${filter} fits no file`)
}

function anchorOf(heading: string): string {
  return heading.toLowerCase().replace(/[^\w\s-]/g, '').trim().replace(/\s/g, '-')
}

docs.run()

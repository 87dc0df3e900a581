// The package as npm publishes it, and empty projects that have it installed.
import { execFile } from 'node:child_process'
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as assert from 'uvu/assert'
import { beside } from './beside.js'

export interface Outcome {
  code: number
  /** Of both streams. */
  text: string
}

/** Builds and packs the package. */
export class Packed {
  private constructor(
    /** Everything made here lies in it. */
    readonly folder: string,
    readonly tarball: string,
    /** From the root of the package. */
    readonly files: string[],
  ) {}

  static async make(): Promise<Packed> {
    const folder = await mkdtemp(join(tmpdir(), 'elbo-packed-'))
    const source = join(folder, 'source')
    const { buildPackage }: typeof import('../../build.mjs') = await beside('build.mjs')
    await buildPackage(join(source, 'dist'))
    for (const file of ['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE']) await copyFile(file, join(source, file))
    const { code, text } = await npm(folder, 'pack', source, '--ignore-scripts', '--json')
    if (code !== 0) throw new Error(`npm pack: ${text}`)
    const [{ filename, files }] = JSON.parse(text) as [{ filename: string; files: { path: string }[] }]
    return new Packed(folder, join(folder, filename), files.map(({ path }) => path).sort())
  }

  /**
   * A new folder with these files and the package in it, installed from the tarball.
   * @param modules folders of other packages that the project has too, by name
   */
  async project(files: Record<string, string>, modules: Record<string, string> = {}): Promise<string> {
    const project = await mkdtemp(join(this.folder, 'project-'))
    await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'project', private: true, type: 'module' }))
    const { code, text } = await npm(project, 'install', this.tarball, '--prefer-offline', '--no-audit', '--no-fund')
    if (code !== 0) throw new Error(`npm install: ${text}`)
    for (const [name, from] of Object.entries(modules)) {
      await cp(from, join(project, 'node_modules', name), { recursive: true, dereference: true })
    }
    for (const [name, contents] of Object.entries(files)) {
      await mkdir(dirname(join(project, name)), { recursive: true })
      await writeFile(join(project, name), contents)
    }
    return project
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true })
  }
}

/** The node_modules of `test/package`, installed where they are missing. */
export async function packageTools(): Promise<string> {
  const { installApart }: typeof import('../../src/tools/install-apart.mjs') = await beside('src/tools/install-apart.mjs')
  return installApart('test/package', 'what the tests of the package need')
}

/** Runs a script of Node's to its end. */
export function node(cwd: string, ...args: string[]): Promise<Outcome> {
  return run(process.execPath, args, cwd)
}

/** Runs a program to its end; one that does not come to it is ended, and its code is -1. */
export function run(program: string, args: string[], cwd: string, env: Record<string, string> = {}): Promise<Outcome> {
  const shell = program === 'npm' && process.platform === 'win32'
  const options = { cwd, env: { ...process.env, ...env }, maxBuffer: 1 << 26, shell, timeout: 120_000 }
  return new Promise((done) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      done({ code: error ? Number(error.code ?? -1) : 0, text: stdout + stderr })
    })
  })
}

function npm(cwd: string, ...args: string[]): Promise<Outcome> {
  const script = process.env.npm_execpath
  return script?.endsWith('.js') ? node(cwd, script, ...args) : run('npm', args, cwd)
}

/** The README's first lines of code, which train a model. */
export async function readmeLines(): Promise<string> {
  const lines = /```ts\n([^]*?)```/.exec(await readFile('README.md', 'utf8'))?.[1]
  if (!lines) throw new Error('the README has no TypeScript')
  return lines
}

/** README's lines with less to learn. */
export async function fewLines(): Promise<string> {
  const whole = await readmeLines()
  const few = whole.replace('count: 20_000', 'count: 300').replace('epochs: 5', 'epochs: 1')
  if (few.length !== whole.length - 3) throw new Error('README does not train on 20,000 digits for 5 epochs')
  return few
}

/** The losses that a program printed behind its steps fall. */
export function assertFalling(text: string): void {
  const losses = [...text.matchAll(/^(?:step )?\d+:? ([\d.]+)/gm)].map(([, loss]) => Number(loss))
  assert.ok(losses.length >= 2, text)
  assert.ok(losses.at(-1)! < losses[0] - 5, `from ${losses[0]} to ${losses.at(-1)}`)
}

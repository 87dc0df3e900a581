import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Figure } from './compare.js'

/** A run and its figures, as in `figures.json`. */
export interface Reproduced {
  name: string
  date: string
  /** With `+` where files of the repository differ from it. */
  commit: string
  adapter: string
  seed: number
  settings: string[]
  steps: number
  /** Training, evaluation and pictures. */
  seconds: number
  figures: Figure[]
}

/** Adds a run to the day's file in `bench/results`, in the place of an earlier one of the same name and seed. */
export async function record(reproduced: Reproduced): Promise<string> {
  const path = join('bench/results', `${reproduced.date.slice(0, 10)}-${slugOf(reproduced.adapter)}-reproductions.json`)
  const recorded = existsSync(path) ? (JSON.parse(await readFile(path, 'utf8')) as Reproduced[]) : []
  const others = recorded.filter(({ name, seed }) => name !== reproduced.name || seed !== reproduced.seed)
  await writeFile(path, `${JSON.stringify([...others, reproduced], null, 1)}\n`)
  return path
}

/** An adapter's name in file names: of a software adapter what everybody calls it. */
export function slugOf(adapter: string): string {
  const software = /swiftshader|llvmpipe/i.exec(adapter)?.[0]
  return (software ?? adapter).toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')
}

/** The commit that is checked out. */
export function commit(): string {
  const git = (...args: string[]) => execFileSync('git', args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString().trim()
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') ? '+' : '')
  } catch {
    return 'unknown'
  }
}

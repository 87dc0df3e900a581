// The package's command as it is installed: dist/elbo.js beside its entries, in a process of Node's.
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beside } from './beside.js'
import { runCommand, type Meanwhile } from './command.js'

export class BuiltCommand {
  private constructor(private readonly folder: string, private readonly env: Record<string, string>) {}

  /** Builds it, and finds Dawn and a software driver for it. */
  static async make(): Promise<BuiltCommand> {
    const folder = await mkdtemp(join(tmpdir(), 'elbo-command-'))
    const { buildScripts }: typeof import('../../build.mjs') = await beside('build.mjs')
    const { softwareDawn }: typeof import('../../src/tools/find-vulkan.mjs') = await beside('src/tools/find-vulkan.mjs')
    const { installApart }: typeof import('../../src/tools/install-apart.mjs') = await beside('src/tools/install-apart.mjs')
    await buildScripts(join(folder, 'dist'))
    await copyFile('package.json', join(folder, 'package.json'))
    const modules = await installApart('bench/node', 'WebGPU for Node, the package webgpu')
    return new BuiltCommand(folder, { ...(await softwareDawn()), NODE_PATH: modules })
  }

  /** Runs `elbo` with these words to its end. */
  run(args: string[], { meanwhile, env }: Meanwhile = {}) {
    return runCommand(join(this.folder, 'dist/elbo.js'), args, { meanwhile, env: { ...this.env, ...env } })
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true })
  }
}

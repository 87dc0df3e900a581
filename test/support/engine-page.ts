// The engine in a page of the runner's browser, for tests that need a program of Node beside it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors.js'
import type { Optimizer, Tensor, VaeSpec } from '../../src/index.js'
import { serve } from '../../src/tools/serve.mjs'
import type { Part } from '../../src/export/onnx/parts.js'
import { browser } from '../harness/page.js'
import { beside } from './beside.js'
import type { Example } from './example.js'

/** A question to the page; bytes are base64, tensors a safetensors file. */
export interface Asked {
  spec?: VaeSpec
  /** A saved model in place of a specification. */
  file?: string
  /** `parameter.*`, `images`, `labels`, `latents`, `noise`, `prior` */
  tensors?: string
  parts?: Part[]
  /** So many steps first: number i takes `formulaBatch(spec, batch, i)`. */
  training?: Training
  /** Whether the losses and gradients of the batch are wanted, in place of outputs. */
  losses?: boolean
}

/** Steps of a model. */
export interface Training {
  optimizer: Optimizer
  steps: number
  batch: number
}

/** What the page answers, likewise. */
export interface Answer {
  outputs: string
  onnx: Record<string, string>
  file: string
}

/** The outputs of every call that the inputs allow, or `loss.*` and `gradient.*`; ONNX files, the saved file. */
export interface Answered {
  outputs: Record<string, Tensor>
  onnx: Record<string, Uint8Array>
  file: Uint8Array
}

export type EnginePage = Awaited<ReturnType<typeof enginePage>>

/** An engine in a page of its own; `close` frees both. */
export async function enginePage() {
  const folder = await mkdtemp(join(tmpdir(), 'elbo-engine-page-'))
  const build: typeof import('../../build.mjs') = await beside('build.mjs')
  await build.bundle({ entryPoints: ['test/support/engine-page-script.ts'], outfile: join(folder, 'script.js') })
  await writeFile(join(folder, 'index.html'), '<link rel="icon" href="data:,"><script type="module" src="script.js"></script>')
  const server = await serve({ mounts: { '/': folder } })
  const page = await browser.newPage()
  await page.goto(`${server.origin}/`)
  const ask = async (asked: Asked): Promise<Answered> => {
    const evaluated = page.evaluate((given) => (window as unknown as AnsweringWindow).answer(given), asked)
    const { outputs, onnx, file } = await evaluated
    return {
      outputs: readSafetensors(Buffer.from(outputs, 'base64')).tensors,
      onnx: Object.fromEntries(Object.entries(onnx).map(([part, bytes]) => [part, Buffer.from(bytes, 'base64')])),
      file: Buffer.from(file, 'base64'),
    }
  }
  return {
    /** A model with the example's parameters. */
    run: ({ spec, ...example }: Example, parts: Part[] = []) => ask({ spec, tensors: tensorsOf(example), parts }),
    /** The same as a saved file, after training if any. */
    save: async ({ spec, parameters }: Pick<Example, 'spec' | 'parameters'>, training?: Training) => {
      return (await ask({ spec, tensors: tensorsOf({ parameters }), ...(training && { training }) })).file
    },
    /** A saved model. */
    load: (file: Uint8Array, inputs: Inputs, options: { losses?: boolean } = {}) => {
      return ask({ file: Buffer.from(file).toString('base64'), tensors: tensorsOf(inputs), ...options })
    },
    close: async () => {
      await page.close()
      await server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface AnsweringWindow {
  answer(asked: Asked): Promise<Answer>
}

type Inputs = Partial<Omit<Example, 'spec'>> & { noise?: Tensor; prior?: Tensor }

function tensorsOf({ parameters = {}, labels, ...others }: Inputs): string {
  const own = Object.entries(parameters).map(([name, tensor]) => [`parameter.${name}`, tensor])
  const tensors: Record<string, Tensor> = { ...Object.fromEntries(own), ...others }
  if (labels) tensors.labels = { shape: [labels.length], data: Float32Array.from(labels) }
  return Buffer.from(writeSafetensors(tensors)).toString('base64')
}

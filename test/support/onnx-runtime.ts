// Exported models in ONNX Runtime beside the engine in a page, and under ONNX's own checker where Python has it.
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-web'
import * as assert from 'uvu/assert'
import type { Part } from '../../src/export/onnx/parts.js'
import type { Tensor, VaeSpec } from '../../src/index.js'
import { expectWithin, largestBounds } from './bounds.js'
import type { Answered, EnginePage } from './engine-page.js'
import type { Example } from './example.js'

/** Of the largest magnitude of an output. */
const BOUND = 1e-5

/**
 * Fails unless every part of the example, of all rows and of one, gives in ONNX Runtime what the engine gives.
 * @returns that
 */
export async function expectSame(page: EnginePage, name: string, example: Example): Promise<Answered> {
  const answered = await page.run(example, partsOf(example.spec))
  await checked(name, answered)
  for (const [part, bytes] of Object.entries(answered.onnx)) {
    for (const rows of [example.images.shape[0], 1]) {
      await expectPart(`${name}, ${part}`, bytes, cut(example, rows), rows, answered)
    }
  }
  return answered
}

function partsOf(spec: VaeSpec): Part[] {
  return ['encoder', 'decoder', 'reconstruct', ...(spec.classifier ? (['classifier'] as const) : [])]
}

async function expectPart(what: string, bytes: Uint8Array, example: Example, rows: number, { outputs }: Answered) {
  const session = await InferenceSession.create(bytes)
  const feeds = Object.fromEntries(session.inputNames.map((name) => [name, feed(name, example)]))
  const came = await session.run(feeds)
  await session.release()
  assert.ok(session.outputNames.length > 0)
  for (const [name, { dims, data }] of Object.entries(came)) {
    const expected = outputs[name]
    assert.ok(expected, `${what}: the engine has no ${name}`)
    const wanted = [rows, ...expected.shape.slice(1)]
    assert.equal([...dims], wanted, `${what}: shape of ${name}`)
    const [values, all] = [Array.from(data as Iterable<number | bigint>, Number), expected.data]
    const bounds = largestBounds(all, name === 'codes' ? 0 : BOUND)
    expectWithin(values, all.subarray(0, values.length), bounds, `${what}: ${name} of ${rows} rows`)
  }
}

function feed(name: string, { images, latents, labels }: Example): OrtTensor {
  if (name === 'labels') return whole(labels!, [labels!.length])
  if (name === 'codes') return whole(latents.data, latents.shape)
  const { shape, data } = name === 'latents' ? latents : images
  return new OrtTensor('float32', data, shape)
}

function whole(values: ArrayLike<number>, shape: number[]): OrtTensor {
  return new OrtTensor('int64', BigInt64Array.from(Array.from(values), BigInt), shape)
}

/** The first rows of an example. */
function cut(example: Example, rows: number): Example {
  const first = ({ shape: [count, ...shape], data }: Tensor): Tensor => {
    return { shape: [rows, ...shape], data: data.slice(0, (rows * data.length) / count) }
  }
  const { images, latents, labels } = example
  const cutLabels = labels && { labels: labels.slice(0, rows) }
  return { ...example, images: first(images), latents: first(latents), ...cutLabels }
}

/** Has Debian's python3-onnx check the files, where it is installed; elsewhere says so, once. */
async function checked(name: string, { onnx: files }: Answered): Promise<void> {
  if (!hasChecker()) return
  const folder = await mkdtemp(join(tmpdir(), 'elbo-onnx-'))
  const paths = Object.keys(files).map((part) => join(folder, `${name}.${part}.onnx`))
  await Promise.all(Object.values(files).map((bytes, i) => writeFile(paths[i], bytes)))
  const program = `
import sys, onnx
for path in sys.argv[1:]:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert {entry.key for entry in model.metadata_props} == {"elbo.part", "elbo.spec"}, path
    assert model.graph.output[0].type.tensor_type.shape.dim[0].dim_param == "batch", path`
  try {
    execFileSync('/usr/bin/python3', ['-c', program, ...paths], { stdio: 'pipe' })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

let checker: boolean | undefined

function hasChecker(): boolean {
  if (checker !== undefined) return checker
  try {
    execFileSync('/usr/bin/python3', ['-c', 'import onnx'], { stdio: 'ignore' })
    checker = true
  } catch {
    console.log('onnx.checker did not run: /usr/bin/python3 has no module onnx (Debian: python3-onnx)')
    checker = false
  }
  return checker
}

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readName } from '../../checks.js'
import { SpecError } from '../../errors.js'
import { PARTS, type Part } from '../../export/onnx/parts.js'
import type { VaeSpec } from '../../model/spec.js'
import { exportOnnx, type ExportableModel } from '../../onnx.js'
import { exportPytorch } from '../../pytorch.js'
import { readArguments, UsageError } from '../arguments.mjs'
import { openModel } from '../command/open-model.js'
import { fileError } from '../train/failure.js'
import { writeWhole } from '../train/write-file.js'

const FORMATS = ['pytorch', 'onnx'] as const

/** What a command line asks for. */
interface Options {
  to: (typeof FORMATS)[number]
  model: string
  out: string
  /** Of ONNX; every part that the model has unless given. */
  part?: Part
}

const usage = (call: string) => `${call} --to pytorch|onnx MODEL.safetensors --out DIR

  --to pytorch    a folder that goes on in PyTorch: the saved file, model.py, train.py and files.py
  --to onnx       encoder.onnx, decoder.onnx, reconstruct.onnx and, of a model with a classifier, classifier.onnx
  --part NAME     of ONNX that part alone: ${PARTS.join(', ')}
  --out DIR       is made where it is not there; files of these names in it are replaced`

/**
 * The whole command; needs no GPU. Resolves to its exit code. @throws UsageError, CommandError, FormatError
 *
 * @param call how users call it
 */
export async function command(args: string[], call = 'npm run export --'): Promise<number> {
  const options = parseOptions(args)
  if (!options) {
    console.log(usage(call))
    return 0
  }
  const { bytes, saved: { model: { spec }, parameters } } = await openModel(options.model)
  const model = { spec, parameters: async () => parameters, save: async () => bytes }
  const files = options.to === 'onnx' ? await onnxFiles(model, options.part) : await exportPytorch(model)
  await mkdir(options.out, { recursive: true }).catch((error) => {
    throw fileError(options.out, 'made', error)
  })
  for (const [name, content] of Object.entries(files)) {
    const path = join(options.out, name)
    await writeWhole(path, [content])
    console.log(`${path}  ${content.length.toLocaleString('en')} bytes`)
  }
  return 0
}

/** Undefined where help is asked for. @throws UsageError */
export function parseOptions(args: string[]): Options | undefined {
  const given = readArguments(args, { values: ['to', 'out', 'part'], word: 'model' })
  if (given.has('help')) return undefined
  const [to, out, part] = ['to', 'out', 'part'].map((name) => given.text(name))
  const model = given.words[0]
  if (to === undefined) throw new UsageError(`--to says what to write: ${FORMATS.join(' or ')}`)
  if (model === undefined) throw new UsageError('which model? Give the .safetensors file that training has written')
  if (out === undefined) throw new UsageError('--out names the folder to write to')
  if (part !== undefined && to !== 'onnx') throw new UsageError('--part goes with --to onnx')
  return {
    to: named(to, '--to', 'format', FORMATS),
    model,
    out,
    ...(part !== undefined && { part: named(part, '--part', 'part', PARTS) }),
  }
}

/** @throws UsageError */
function named<Name extends string>(value: string, path: string, what: string, names: readonly Name[]): Name {
  try {
    return readName(value, path, what, names)
  } catch (error) {
    throw error instanceof SpecError ? new UsageError(error.message) : error
  }
}

async function onnxFiles(model: ExportableModel, part: Part | undefined): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {}
  for (const one of part ? [part] : partsOf(model.spec)) files[`${one}.onnx`] = await exportOnnx(model, { part: one })
  return files
}

function partsOf({ classifier }: VaeSpec): Part[] {
  return PARTS.filter((part) => part !== 'classifier' || classifier !== undefined)
}

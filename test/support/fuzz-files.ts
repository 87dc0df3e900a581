import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { adam, cifar, createEngine, dataset, idx, presets, rmsprop, type VaeSpec } from '../../src/index.js'
import { PackedFile } from '../../src/data/gzip.js'
import { CHECKSUM_KEY, readSafetensors, tensorChecksum, writeSafetensors } from '../../src/formats/safetensors.js'
import { checkSpec } from '../../src/model/check.js'
import { checkRate, rateAt, type Rate } from '../../src/ops/rates.js'
import { readModel } from '../../src/train/file.js'
import { optimizerFrom } from '../../src/train/optimizers.js'
import { TINY } from './engine.js'
import { recipe, type Recipe } from './fuzz-check.js'
import { changedJson, changedValue, shortened } from './fuzz-json.js'
import { phantomDevice } from './phantom-device.js'

/** A parser, what it is given, and what it may allocate for that. */
export interface FuzzedParser {
  inputs: fc.Arbitrary<Recipe>
  call(input: unknown): unknown
  mostBytes?(input: unknown): number
}

const QUANTIZED: VaeSpec = {
  ...TINY,
  encoder: [{ type: 'conv', filters: 2, kernel: 1 }],
  latent: { type: 'vector-quantized', codes: 3, size: 2, codebookUpdate: 'moving-average' },
  decoder: [{ type: 'conv', filters: 1, kernel: 1 }],
}

const RATES: Rate[] = [
  0.5,
  { type: 'warm-up', steps: 4, after: { type: 'warm-up', steps: 9, after: { type: 'cosine', value: 1, steps: 3 } } },
  { type: 'multi-step', value: 1, factor: 0.5, milestones: [1, 5] },
  { type: 'cyclical', value: 1, period: 5, ramp: 0.2 },
]

/** The checks may need this much, whatever comes. */
const ALWAYS = 16_384

/** Every parser of what comes from strangers. */
export async function parsers(): Promise<Record<string, FuzzedParser>> {
  const saved = await savedModels()
  const [images, labels, record] = [idxFile([3, 5, 4]), idxFile([3]), new Uint8Array(3073).fill(7)]
  const [packedImages, packedLabels, packedRecord] = [images, labels, record].map(packed)
  /** Of a gzip file, what it holds counts too. */
  const fourTimes = (content = 0) => (input: unknown) => ALWAYS + 4 * ((input as Uint8Array).byteLength + content)
  return {
    readSafetensors: {
      inputs: fc.oneof(damaged(saved), withHeader(saved)),
      call: (file) => readSafetensors(file as Uint8Array),
      mostBytes: fourTimes(),
    },
    readModel: {
      inputs: fc.oneof(damaged(saved), { arbitrary: withMetadata(saved), weight: 3 }),
      call: (file) => readModel(file as Uint8Array),
      mostBytes: fourTimes(),
    },
    'idx images': {
      inputs: mostlyPlain(images, packedImages),
      call: (file) => idx(file as Uint8Array, labels),
      mostBytes: fourTimes(images.length + labels.length),
    },
    'idx labels': {
      inputs: mostlyPlain(labels, packedLabels),
      call: (file) => idx(images, file as Uint8Array),
      mostBytes: fourTimes(images.length + labels.length),
    },
    cifar: {
      inputs: mostlyPlain(record, packedRecord),
      call: (file) => cifar(file as Uint8Array),
      mostBytes: fourTimes(2 * record.length),
    },
    gzip: {
      inputs: damaged([packedImages, packed(new Uint8Array(1000)), packed(new Uint8Array(2_000_000))]),
      call: (file) => new PackedFile(file, 'packed').content(1000),
      mostBytes: fourTimes(1000),
    },
    checkSpec: { inputs: changedValue([...Object.values(presets), TINY, QUANTIZED]), call: checkSpec },
    checkRate: { inputs: changedValue(RATES), call: (rate) => rateAt(checkRate(rate, 'rate'), 7) },
    optimizerFrom: {
      inputs: changedValue([adam(), rmsprop({ learningRate: RATES[1] })]),
      call: (optimizer) => optimizerFrom(optimizer),
    },
  }
}

/** Files of models that have been trained. */
async function savedModels(): Promise<Uint8Array[]> {
  const engine = await createEngine({ device: phantomDevice() })
  const data = dataset({ images: new Uint8Array(12 * 9), shape: [4, 3, 1], labels: new Uint8Array(9) })
  const files: Uint8Array[] = []
  for (const spec of [TINY, { ...TINY, classes: 2 }, QUANTIZED]) {
    const vae = await engine.createVae(spec)
    const optimizer = spec === TINY ? adam({ learningRate: RATES[1] }) : rmsprop()
    await vae.train(data, { steps: 2, batchSize: 4, optimizer }).done
    files.push(await vae.save())
  }
  return files
}

function idxFile(shape: number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + shape.reduce((product, size) => product * size, 1))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 0x0800 + shape.length)
  shape.forEach((size, axis) => view.setUint32(4 + 4 * axis, size))
  return bytes
}

function packed(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(gzipSync(bytes))
}

/** Of ten files one is packed: unpacking takes long, and is tested alone as well. */
function mostlyPlain(plain: Uint8Array, gzipped: Uint8Array): fc.Arbitrary<Recipe> {
  return fc.oneof({ arbitrary: damaged([plain]), weight: 9 }, { arbitrary: damaged([gzipped]), weight: 1 })
}

interface Damage {
  kind: 'turn' | 'cut' | 'double' | 'end'
  place: number
  value: number
}

/** A file with some bytes turned, cut out or doubled, or an end missing. */
function damaged(files: readonly Uint8Array[]): fc.Arbitrary<Recipe> {
  const damage: fc.Arbitrary<Damage> = fc.record({
    kind: fc.constantFrom('turn', 'turn', 'turn', 'cut', 'double', 'end'),
    place: fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 2 ** 16 })),
    value: fc.nat({ max: 255 }),
  })
  return fc.tuple(fc.nat({ max: files.length - 1 }), fc.array(damage, { maxLength: 4 })).map(([file, all]) =>
    recipe(`file ${file} after ${JSON.stringify(all)}`, () => new Uint8Array(all.reduce(after, files[file]))),
  )
}

function after(bytes: Uint8Array, { kind, place, value }: Damage): Uint8Array {
  const at = bytes.length === 0 ? 0 : place % bytes.length
  const whole = kind === 'double' ? at + value : at
  const from = { turn: at + 1, cut: at + value, double: at, end: bytes.length }[kind]
  const parts = [bytes.subarray(0, whole), Uint8Array.of(...(kind === 'turn' ? [value] : [])), bytes.subarray(from)]
  return new Uint8Array(Buffer.concat(parts))
}

/** A file whose header says something else, with lengths that fit. */
function withHeader(files: readonly Uint8Array[]): fc.Arbitrary<Recipe> {
  const parts = files.map((file) => {
    const end = 8 + Number(new DataView(file.buffer).getBigUint64(0, true))
    return { header: JSON.parse(new TextDecoder().decode(file.subarray(8, end))) as unknown, data: file.subarray(end) }
  })
  return fc.constantFrom(...parts).chain(({ header, data }) =>
    changedJson([header]).map((json) =>
      recipe(shortened(json), () => {
        const text = new TextEncoder().encode(json)
        const length = new Uint8Array(8)
        new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true)
        return new Uint8Array(Buffer.concat([length, text, data]))
      }),
    ),
  )
}

/** A file with other metadata, and a checksum that fits them. */
function withMetadata(files: readonly Uint8Array[]): fc.Arbitrary<Recipe> {
  const contents = files.map((file) => readSafetensors(file))
  return fc.constantFrom(...contents).chain(({ tensors, metadata }) =>
    fc.constantFrom(...Object.keys(metadata).filter((key) => key !== CHECKSUM_KEY)).chain((key) =>
      fc.oneof(changedJson([JSON.parse(metadata[key])]), fc.string()).map((text) =>
        recipe(`${key}: ${shortened(text)}`, () => {
          const other = { ...metadata, [key]: text }
          return writeSafetensors(tensors, { ...other, [CHECKSUM_KEY]: tensorChecksum(tensors, other) })
        }),
      ),
    ),
  )
}

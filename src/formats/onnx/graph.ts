import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { FormatError } from '../../errors.js'
import { elementCount, type Tensor } from '../../tensor.js'
import {
  AttributeProto_AttributeType as AttributeType,
  type AttributeProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataType as DataType,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from './schema.js'

// @bufbuild/protobuf because it is a module whose unused parts a bundler leaves out, has its own conformance tests, and
// needs no `eval`: a page whose content security policy forbids that can export, which protobufjs without code that is
// generated beforehand cannot.

/** The name of a value in a graph: an input, a constant, or what a node yields. */
export type Value = string

/** What a value holds. `'batch'` is as many as the caller has. */
export interface ValueType {
  elements: 'float' | 'int64'
  dims: readonly (number | 'batch')[]
  /** For readers of the file. */
  meaning: string
}

/** A whole number, whole numbers, a text, or a floating-point number. */
export type Attribute = number | readonly number[] | string | { float: number }

/** IR version 8 goes with operator set 17, which ONNX 1.12 (2022) was the first to have. */
const [IR_VERSION, OPERATOR_SET] = [8n, 17n]

/** A protobuf message is smaller. */
const MOST_BYTES = 2 ** 31 - 1
/** Room for names, nodes and the specification, beside the parameters. */
const STRUCTURE_BYTES = 2 ** 24

/** A graph of ONNX's operators that grows node by node, and the file that it becomes. */
export class OnnxGraph {
  private readonly nodes: MessageInitShape<typeof NodeProtoSchema>[] = []
  private readonly constants = new Map<Value, MessageInitShape<typeof TensorProtoSchema>>()
  private readonly inputs: MessageInitShape<typeof ValueInfoProtoSchema>[] = []
  private readonly outputs: MessageInitShape<typeof ValueInfoProtoSchema>[] = []
  private readonly taken = new Set<Value>()

  input(name: string, type: ValueType): Value {
    this.inputs.push(valueInfo(name, type))
    return this.take(name)
  }

  /** Gives a value out under a name of its own. */
  output(name: string, value: Value, type: ValueType): void {
    this.outputs.push(valueInfo(name, type))
    this.node('Identity', name, [value])
  }

  /** A node with one output, which is called as the node is. */
  node(
    operator: string,
    name: string,
    inputs: readonly Value[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value {
    return this.nodeOf(operator, name, [name], inputs, attributes)[0]
  }

  /** A node with several outputs. */
  nodeOf(
    operator: string,
    name: string,
    outputs: readonly string[],
    inputs: readonly Value[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value[] {
    const attribute = Object.entries(attributes).map(([key, value]) => attributeOf(key, value))
    this.nodes.push({ opType: operator, name, input: [...inputs], output: [...outputs], attribute })
    return outputs.map((output) => this.take(output))
  }

  /** A constant; of one name there is one. */
  floats(name: string, { shape, data }: Tensor): Value {
    return this.constant(name, DataType.FLOAT, shape, data)
  }

  /** A number as a constant. */
  scalar(value: number): Value {
    return this.floats(`float_${value}`, { shape: [], data: Float32Array.of(value) })
  }

  /** Whole numbers as a constant vector, in the order given: sizes, or places. */
  wholes(...values: number[]): Value {
    return this.wholeTensor(`int64_${values.join('_')}`, [values.length], values)
  }

  wholeTensor(name: string, shape: number[], values: readonly number[]): Value {
    return this.constant(name, DataType.INT64, shape, BigInt64Array.from(values, BigInt))
  }

  /** Truth values as a constant vector. */
  truths(name: string, values: readonly boolean[]): Value {
    return this.constant(name, DataType.BOOL, [values.length], Uint8Array.from(values, Number))
  }

  /** A vector of ones and zeros is the identity, others a permutation of the axes. */
  transpose(name: string, value: Value, ...perm: number[]): Value {
    return this.node('Transpose', name, [value], { perm })
  }

  /** The values of every row of the batch in another shape. */
  reshape(name: string, value: Value, ...shape: number[]): Value {
    return this.node('Reshape', name, [value, this.wholes(0, ...shape)]) // 0: as many rows as there are
  }

  /**
   * The whole file; what leads to no output is left out.
   * @throws FormatError when it would be larger than a protobuf message can be
   */
  file(name: string, description: string, metadata: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
    const { nodes, values } = this.needed()
    const constants = [...this.constants.values()].filter((constant) => values.has(constant.name!))
    const bytes = constants.reduce((sum, { rawData }) => sum + (rawData?.length ?? 0), 0)
    if (bytes > MOST_BYTES - STRUCTURE_BYTES) {
      const needed = `the parameters need ${bytes} bytes`
      throw new FormatError(`ONNX: ${needed}, one file holds at most ${MOST_BYTES - STRUCTURE_BYTES}; take a smaller model`)
    }
    const model = create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      opsetImport: [{ version: OPERATOR_SET }],
      producerName: 'elbo',
      docString: description,
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
      graph: { name, node: nodes, initializer: constants, input: this.inputs, output: this.outputs },
    })
    return toBinary(ModelProtoSchema, model)
  }

  /** The nodes and values that lead to an output. */
  private needed() {
    const values = new Set(this.outputs.map(({ name }) => name!))
    const nodes = this.nodes.toReversed().filter(({ output = [], input = [] }) => {
      const leads = output.some((value) => values.has(value))
      if (leads) for (const value of input) values.add(value)
      return leads
    })
    return { nodes: nodes.reverse(), values }
  }

  private constant(
    name: string,
    dataType: DataType,
    shape: readonly number[],
    data: Float32Array | BigInt64Array | Uint8Array,
  ): Value {
    if (elementCount(shape) !== data.length) throw new Error(`${name}: [${shape}] is not ${data.length} values`)
    if (this.constants.has(name)) return name
    const rawData = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
    this.constants.set(name, { name, dataType, dims: shape.map(BigInt), rawData })
    return this.take(name)
  }

  private take(name: Value): Value {
    if (this.taken.has(name)) throw new Error(`the graph has the value "${name}" twice`)
    this.taken.add(name)
    return name
  }
}

function valueInfo(name: string, type: ValueType): MessageInitShape<typeof ValueInfoProtoSchema> {
  const { elements, dims, meaning } = type
  const dim = dims.map((size) => {
    return size === 'batch'
      ? { value: { case: 'dimParam' as const, value: size } }
      : { value: { case: 'dimValue' as const, value: BigInt(size) } }
  })
  const elemType = elements === 'float' ? DataType.FLOAT : DataType.INT64
  return { name, docString: meaning, type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } } }
}

function attributeOf(name: string, value: Attribute): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: BigInt(value) }
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) }
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float }
  return { name, type: AttributeType.INTS, ints: value.map(BigInt) }
}

import type { Attribute, OnnxGraph, Value } from '../../formats/onnx/graph.js'
import type { Activation } from '../../ops/activation.js'
import type { Tensor } from '../../tensor.js'
import { isImage, type Pads, type PlacedLayer } from '../networks.js'

/** The layers of a model as ONNX's operators; images are `[batch, channels, height, width]`. */
export class OnnxLayers {
  constructor(
    readonly graph: OnnxGraph,
    private readonly parameters: Readonly<Record<string, Tensor>>,
  ) {}

  /** A parameter under its own name. */
  parameter(name: string): Value {
    return this.graph.floats(name, this.parameters[name])
  }

  /** Layers one after another. */
  all(layers: readonly PlacedLayer[], x: Value): Value {
    return layers.reduce((value, layer) => this.layer(layer, value), x)
  }

  /** y = x wᵀ + b; its node is called as the layer is. */
  dense(name: string, x: Value): Value {
    return this.graph.node('Gemm', name, [x, ...this.weights(name)], { transB: 1 })
  }

  private layer(layer: PlacedLayer, x: Value): Value {
    const { graph } = this
    const { name } = layer
    switch (layer.kind) {
      case 'flatten': return this.flat(layer, x)
      case 'reshape': return graph.reshape(name, x, ...layer.output)
      case 'dense': return this.activated(layer.spec, name, this.dense(name, this.flat(layer, x)))
      case 'batch-norm': {
        const running = ['running_mean', 'running_var'].map((part) => this.parameter(`${name}.${part}`))
        const inputs = [x, ...this.weights(name), ...running]
        return this.activated(layer.spec, name, graph.node('BatchNormalization', name, inputs, { epsilon: { float: 1e-5 } }))
      }
      case 'residual': {
        const sum = graph.node('Add', name, [x, this.all(layer.layers, x)])
        return this.activated(layer.spec, name, sum)
      }
      case 'conv': return this.convolution('Conv', layer, x)
      case 'conv-transpose': {
        const { outputPadding } = layer
        return this.convolution('ConvTranspose', layer, x, { output_padding: [outputPadding, outputPadding] })
      }
      case 'lstm': throw new Error(`${name}: an lstm is unrolled, by the recurrent model`)
    }
  }

  private convolution(
    operator: 'Conv' | 'ConvTranspose',
    { name, spec, pads }: { name: string; spec: ConvolutionSpec; pads: Pads },
    x: Value,
    more: Record<string, Attribute> = {},
  ): Value {
    const { kernel, stride = 1 } = spec
    const attributes = {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pads.top, pads.left, pads.bottom, pads.right],
      ...more,
    }
    return this.activated(spec, name, this.graph.node(operator, name, [x, ...this.weights(name)], attributes))
  }

  /** An image as a vector in the order (channel, row, column). */
  private flat({ name, kind, input }: PlacedLayer, x: Value): Value {
    if (!isImage(input)) return x
    return this.graph.node('Flatten', kind === 'flatten' ? name : `${name}.flatten`, [x], { axis: 1 })
  }

  private activated({ activation = 'linear' }: { activation?: Activation }, name: string, x: Value): Value {
    return activated(this.graph, activation, name, x)
  }

  private weights(name: string): Value[] {
    return [this.parameter(`${name}.weight`), this.parameter(`${name}.bias`)]
  }
}

interface ConvolutionSpec {
  kernel: number
  stride?: number
  activation?: Activation
}

/** act(x), as a node `name.activation`. */
function activated(graph: OnnxGraph, activation: Activation, name: string, x: Value): Value {
  const node = `${name}.${activation}`
  switch (activation) {
    case 'linear': return x
    case 'relu': return graph.node('Relu', node, [x])
    case 'leaky-relu': return graph.node('LeakyRelu', node, [x], { alpha: { float: 0.2 } })
    case 'tanh': return graph.node('Tanh', node, [x])
    case 'sigmoid': return graph.node('Sigmoid', node, [x])
    case 'softplus': return graph.node('Softplus', node, [x])
    case 'elu': return graph.node('Elu', node, [x], { alpha: { float: 1 } })
    case 'silu': return graph.node('Mul', node, [x, graph.node('Sigmoid', `${node}.sigmoid`, [x])])
  }
}

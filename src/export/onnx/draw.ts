import type { OnnxGraph, Value } from '../../formats/onnx/graph.js'
import type { VaeSpec } from '../../model/spec.js'
import type { OnnxLayers } from './layers.js'
import type { PosteriorOutput } from './latents.js'

/** Added to the sum of a filter's row. */
const EPSILON = 1e-8

/** What the steps of DRAW leave. */
export interface Drawn {
  /** `[batch, channels, height, width]`, the last canvas: logits or means. */
  canvas: Value
  outputs: PosteriorOutput[]
}

/** State of one LSTM. */
interface State {
  h: Value
  c: Value
}

/** DRAW (Gregor et al. 2015), its steps one after another; z is the mean in every step, or given. */
export class OnnxDraw {
  private readonly graph: OnnxGraph
  private readonly shape: readonly number[]

  constructor(
    private readonly spec: VaeSpec,
    private readonly layers: OnnxLayers,
    /** `[batch, …]`: what the number of rows is taken from. */
    private readonly rows: Value,
  ) {
    this.graph = layers.graph
    const [h, w, c] = spec.input
    this.shape = [c, h, w]
  }

  /** @param x images `[batch, channels, height, width]` */
  encode(x: Value): Drawn {
    const { graph, spec } = this
    const { steps } = spec.recurrent!
    const [means, logVariances]: Value[][] = [[], []]
    const canvas = this.run((step, before, decoder, encoder) => {
      const at = `step.${step}`
      const error = graph.node('Sub', `${at}.error`, [x, graph.node('Sigmoid', `${at}.shown`, [before])])
      const glimpse = this.read(at, x, error, decoder.h)
      const input = graph.node('Concat', `${at}.encoder.input`, [...glimpse, decoder.h], { axis: 1 })
      const next = this.lstm(at, 'encoder.0', input, encoder)
      const [mean, logVariance] = ['mean', 'log_variance'].map((head) => this.dense(at, `latent.${head}`, next.h))
      means.push(mean)
      logVariances.push(logVariance)
      return { z: mean, encoder: next }
    })
    const shape = [steps, spec.latent.size]
    const stacked = (name: 'mean' | 'logVariance', values: Value[], meaning: string): PosteriorOutput => {
      const columns = values.map((value, step) => {
        return graph.node('Unsqueeze', `step.${step}.${name}.row`, [value, graph.wholes(1)])
      })
      const value = graph.node('Concat', `latent.${name}.steps`, columns, { axis: 1 })
      return { name, value, elements: 'float', shape, meaning }
    }
    const outputs = [
      stacked('mean', means, 'mean of q(z|x) in every step, z being the mean in the steps before'),
      stacked('logVariance', logVariances, 'log-variance of q(z|x) in every step'),
    ]
    return { canvas, outputs }
  }

  /** @param latents `[batch, steps, size]` @returns the last canvas */
  decode(latents: Value): Value {
    return this.run((step, _, __, encoder) => {
      const z = this.graph.node('Gather', `step.${step}.z`, [latents, this.graph.wholeTensor(`index_${step}`, [], [step])], { axis: 1 })
      return { z, encoder }
    })
  }

  private run(
    drawStep: (step: number, canvas: Value, decoder: State, encoder: State) => { z: Value; encoder: State },
  ): Value {
    const { graph, spec } = this
    const unitsOf = (list: 'encoder' | 'decoder') => (spec[list][0] as { units: number }).units
    const initial = (list: 'encoder' | 'decoder'): State => {
      const zeros = this.zeros(`${list}.zeros`, [unitsOf(list)])
      return { h: zeros, c: zeros }
    }
    let canvas = this.zeros('canvas.zeros', this.shape)
    let [decoder, encoder] = [initial('decoder'), initial('encoder')]
    for (let step = 0; step < spec.recurrent!.steps; step++) {
      const drawn = drawStep(step, canvas, decoder, encoder)
      encoder = drawn.encoder
      decoder = this.lstm(`step.${step}`, 'decoder.0', drawn.z, decoder)
      canvas = graph.node('Add', `step.${step}.canvas`, [canvas, this.write(`step.${step}`, decoder.h)])
    }
    return canvas
  }

  /** What the encoder sees of image and error image, each a vector. */
  private read(at: string, x: Value, error: Value, state: Value): Value[] {
    const { graph, spec } = this
    const size = spec.recurrent!.attention?.read
    const named = [['image', x], ['error', error]] as const
    const flat = (name: string, value: Value) => graph.node('Flatten', `${at}.read.${name}.flat`, [value], { axis: 1 })
    if (size === undefined) return named.map(([name, value]) => flat(name, value))
    const { across, down, intensity } = this.filters(at, 'read.attention', state, size)
    const columns = graph.transpose(`${at}.read.columns`, across, 0, 1, 3, 2)
    return named.map(([name, value]) => {
      const rows = graph.node('MatMul', `${at}.read.${name}.rows`, [down, value])
      const glimpse = graph.node('MatMul', `${at}.read.${name}`, [rows, columns])
      return flat(name, graph.node('Mul', `${at}.read.${name}.scaled`, [intensity, glimpse]))
    })
  }

  /** What the decoder's state adds to the canvas. */
  private write(at: string, state: Value): Value {
    const { graph, spec, shape } = this
    const size = spec.recurrent!.attention?.write
    const patch = this.dense(at, 'write', state)
    if (size === undefined) return graph.reshape(`${at}.write.planes`, patch, ...shape)
    const { across, down, intensity } = this.filters(at, 'write.attention', state, size)
    const square = graph.reshape(`${at}.write.patch`, patch, shape[0], size, size)
    const rows = graph.node('MatMul', `${at}.write.rows`, [graph.transpose(`${at}.write.columns`, down, 0, 1, 3, 2), square])
    return graph.node('Div', `${at}.write.scaled`, [graph.node('MatMul', `${at}.write.spread`, [rows, across]), intensity])
  }

  /** F_X `[batch, 1, size, width]`, F_Y `[batch, 1, size, height]` and γ `[batch, 1, 1, 1]`, equations 19 to 26. */
  private filters(at: string, path: string, state: Value, size: number) {
    const { graph, shape: [, height, width] } = this
    const name = `${at}.${path}`
    const outputs = this.dense(at, path, state)
    const parts = ['g_x', 'g_y', 'log_variance', 'log_stride', 'log_intensity'].map((part) => `${name}.${part}`)
    const [x, y, logVariance, logStride, logIntensity] = graph.nodeOf('Split', `${name}.split`, parts, [outputs], { axis: 1 })
    const number = (value: number) => graph.scalar(value)
    const unit = number((Math.max(height, width) - 1) / (size - 1))
    const stride = graph.node('Mul', `${name}.stride`, [graph.node('Exp', `${name}.stride.exp`, [logStride]), unit])
    const ranks = Float32Array.from({ length: size }, (_, i) => i + 1 - size / 2 - 0.5)
    const offsets = graph.node('Mul', `${name}.offsets`, [stride, graph.floats(`ranks_${size}`, { shape: [size], data: ranks })])
    const variance = graph.node('Exp', `${name}.variance`, [logVariance])
    const twice = graph.reshape(`${name}.variance.twice`, graph.node('Mul', `${name}.variance.2`, [variance, number(2)]), 1, 1)
    const bank = (axis: string, place: Value, pixels: number): Value => {
      const of = (operator: string, part: string, ...inputs: Value[]) => graph.node(operator, `${name}.${axis}.${part}`, inputs)
      const middle = of('Mul', 'center', of('Add', 'shifted', place, number(1)), number((pixels + 1) / 2))
      const centers = graph.reshape(`${name}.${axis}.column`, of('Add', 'centers', middle, offsets), size, 1)
      const places = { shape: [pixels], data: Float32Array.from({ length: pixels }, (_, a) => a + 1) }
      const distances = of('Sub', 'distances', graph.floats(`places_${pixels}`, places), centers)
      const exponent = of('Neg', 'exponent', of('Div', 'ratio', of('Mul', 'squares', distances, distances), twice))
      const weights = of('Exp', 'weights', exponent)
      const sums = graph.node('ReduceSum', `${name}.${axis}.sums`, [weights, graph.wholes(2)], { keepdims: 1 })
      const filter = of('Div', 'filters', weights, of('Add', 'sums.positive', sums, number(EPSILON)))
      return graph.reshape(`${name}.${axis}`, filter, 1, size, pixels)
    }
    const intensity = graph.reshape(`${name}.intensity`, graph.node('Exp', `${name}.intensity.exp`, [logIntensity]), 1, 1, 1)
    return { across: bank('x', x, width), down: bank('y', y, height), intensity }
  }

  /** PyTorch's LSTMCell: gates in the order input, forget, cell, output. */
  private lstm(at: string, path: string, x: Value, { h, c }: State): State {
    const { graph, layers } = this
    const name = `${at}.${path}`
    const part = (operator: string, node: string, ...inputs: Value[]) => graph.node(operator, `${name}.${node}`, inputs)
    const product = (from: 'ih' | 'hh', value: Value) => {
      const inputs = [value, layers.parameter(`${path}.weight_${from}`), layers.parameter(`${path}.bias_${from}`)]
      return graph.node('Gemm', `${name}.${from}`, inputs, { transB: 1 })
    }
    const gates = part('Add', 'gates', product('ih', x), product('hh', h))
    const names = ['input', 'forget', 'cell', 'output'].map((gate) => `${name}.${gate}`)
    const [input, forget, cell, output] = graph.nodeOf('Split', `${name}.split`, names, [gates], { axis: 1 })
    const open = (gate: string, value: Value) => part('Sigmoid', `${gate}.open`, value)
    const kept = part('Mul', 'kept', open('forget', forget), c)
    const added = part('Mul', 'added', open('input', input), part('Tanh', 'cell.tanh', cell))
    const next = part('Add', 'c', kept, added)
    return { c: next, h: part('Mul', 'h', open('output', output), part('Tanh', 'c.tanh', next)) }
  }

  /** A dense layer in one step: nodes differ, parameters are the same. */
  private dense(at: string, path: string, x: Value): Value {
    const weights = ['weight', 'bias'].map((part) => this.layers.parameter(`${path}.${part}`))
    return this.graph.node('Gemm', `${at}.${path}`, [x, ...weights], { transB: 1 })
  }

  private zeros(name: string, shape: readonly number[]): Value {
    const { graph } = this
    this.batch ??= graph.node('Shape', 'batch', [this.rows], { start: 0, end: 1 })
    const sizes = graph.node('Concat', `${name}.shape`, [this.batch, graph.wholes(...shape)], { axis: 0 })
    return graph.node('ConstantOfShape', name, [sizes])
  }

  private batch: Value | undefined
}

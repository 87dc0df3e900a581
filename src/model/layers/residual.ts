import { SpecError } from '../../errors.js'
import type { Activation } from '../../ops/activation.js'
import { residualAdd } from '../../ops/elementwise.js'
import { readActivation } from '../spec-fields.js'
import type { Value } from '../graph.js'
import { describeShape, type Shape } from '../shapes.js'
import type { ResidualSpec } from '../spec.js'
import { activated, fused } from './activated.js'
import { forwardAll, lastShape, type Frame, type Layer, type LayerKind } from './layer.js'

/** act(x + layers(x)); input, output and the output of the last inner layer have one shape and one order. */
export class ResidualLayer implements Layer {
  readonly kind = 'residual'

  constructor(
    readonly path: string,
    readonly input: Shape,
    readonly output: Shape,
    readonly layers: readonly Layer[],
    readonly activation: Activation,
  ) {}

  parameters() {
    return this.layers.flatMap((layer) => layer.parameters())
  }

  /** Where the last layer can add the other branch along, its kernel does. */
  forward(x: Value, frame: Frame): Value {
    const { layers, activation, path } = this
    const last = layers.at(-1)!
    const before = forwardAll(layers.slice(0, -1), x, frame)
    if (activation === 'linear' && last.forwardAdding) return last.forwardAdding(before, x, frame)
    return this.sum(x, last.forward(before, frame), `${path}.y`, frame)
  }

  private sum(a: Value, b: Value, name: string, { graph }: Frame): Value {
    const activation = fused(this.activation)
    const y = graph.alike(name, a, activation)
    graph.push(residualAdd({ a: a.tensor, b: b.tensor, y: y.tensor }, activation))
    graph.record({
      inputs: [a, b],
      outputs: [y],
      backward: (pass) => {
        const dy = pass.gradient(y)!
        pass.passOn(a, dy)
        pass.passOn(b, dy)
      },
    })
    return activated(y, this.activation, `${this.path}.activation`, graph)
  }
}

/** act(x + layers(x)). */
export const residual: LayerKind<ResidualSpec> = {
  type: 'residual',
  keys: ['layers', 'activation'],
  read: ({ layers, activation }, path, readLayers) => {
    return { type: 'residual', layers: readLayers(layers, `${path}.layers`), ...readActivation(activation, path) }
  },
  resolve(spec, input, { path, name }, { groups, resolve }) {
    const placeOf = (i: number) => ({ path: `${path}.layers[${i}]`, name: `${name}.${i}` })
    const layers = resolve(spec.layers, input, placeOf)
    if (layers.every(({ kind }) => kind === 'flatten' || kind === 'reshape')) {
      throw new SpecError(`${path}.layers`, 'a residual needs at least one layer with parameters')
    }
    const inner = lastShape(layers, input)
    if (inner.kind !== input.kind || describeShape(inner) !== describeShape(input)) {
      const [a, b] = [describeShape(input), describeShape(inner)]
      throw new SpecError(path, `adds its input, ${a}, to what its layers yield, ${b}`)
    }
    const { activation = 'linear' } = spec
    if (inner.kind === 'image' || input.kind === 'image') return [new ResidualLayer(name, input, inner, layers, activation)]
    const output = groups.add(input.size)
    groups.join(input, inner)
    groups.join(input, output)
    return [new ResidualLayer(name, input, output, layers, activation)]
  },
}

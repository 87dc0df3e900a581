import type { Activation } from '../../ops/activation.js'
import { isImage, sizeOf, type PlacedLayer, type PlacedNetwork, type RowShape } from '../networks.js'
import { commented, listed, type Lines } from './text.js'

/** `self.encoder = nn.ModuleList([…])`: a module for every layer, so that their places are those of the file's names. */
export function moduleList(path: string, { layers }: PlacedNetwork): string[] {
  return listed(`self.${path} = nn.ModuleList(`, layers.map(moduleOf))
}

/** Statements that take `h` through the layers, one or two a layer, with the shape that each leaves. */
export function forward({ layers }: Pick<PlacedNetwork, 'layers'>, variable = 'h'): string[] {
  return layers.flatMap((layer) => statements(layer, variable))
}

/** A shape for a comment: `[batch, 64, 14, 14]`. */
export function described(shape: RowShape): string {
  return `[${['batch', ...shape].join(', ')}]`
}

const FUNCTIONS: Record<Exclude<Activation, 'linear'>, (value: string) => string> = {
  relu: (value) => `F.relu(${value})`,
  'leaky-relu': (value) => `F.leaky_relu(${value}, 0.2)`,
  tanh: (value) => `torch.tanh(${value})`,
  sigmoid: (value) => `torch.sigmoid(${value})`,
  softplus: (value) => `F.softplus(${value})`,
  elu: (value) => `F.elu(${value})`,
  silu: (value) => `F.silu(${value})`,
}

function moduleOf(layer: PlacedLayer): Lines {
  const { input, output } = layer
  switch (layer.kind) {
    case 'dense': return [`nn.Linear(${sizeOf(input)}, ${layer.spec.units})`]
    case 'batch-norm': return [isImage(input) ? `nn.BatchNorm2d(${input[0]})` : `nn.BatchNorm1d(${input[0]})`]
    case 'flatten': return ['nn.Flatten()']
    case 'reshape': return [`nn.Unflatten(1, (${output.join(', ')}))`]
    case 'lstm': return [`nn.LSTMCell(${sizeOf(input)}, ${layer.spec.units})`]
    case 'residual': return listed('nn.ModuleList(', layer.layers.map(moduleOf))
    case 'conv': {
      const { top, left } = layer.pads
      const padding = isEven(layer) ? [option('padding', pair(top, left))] : []
      return [convolution('nn.Conv2d', layer, padding)]
    }
    case 'conv-transpose': {
      const { pads: { top, left }, outputPadding } = layer
      const options = [option('padding', pair(top, left)), option('output_padding', String(outputPadding))]
      return [convolution('nn.ConvTranspose2d', layer, options)]
    }
  }
}

function convolution(
  kind: string,
  { input, output, spec: { kernel, stride = 1 } }: Convolution,
  options: readonly (string | undefined)[],
): string {
  const given = [option('stride', stride === 1 ? '0' : String(stride)), ...options].filter((text) => text !== undefined)
  return `${kind}(${[input[0], output[0], kernel, ...given].join(', ')})`
}

function statements(layer: PlacedLayer, h: string): string[] {
  const { name, input, output } = layer
  const module = `self.${name.replace(/\.(\d+)/g, '[$1]')}`
  const shape = described(output)
  switch (layer.kind) {
    case 'flatten': return [commented(`${h} = ${module}(${h})`, shape)]
    case 'reshape': return [commented(`${h} = ${module}(${isImage(input) ? `${h}.flatten(1)` : h})`, shape)]
    case 'dense': {
      return [commented(`${h} = ${activated(layer.spec, `${module}(${isImage(input) ? `${h}.flatten(1)` : h})`)}`, shape)]
    }
    case 'batch-norm': return [commented(`${h} = ${activated(layer.spec, `${module}(${h})`)}`, shape)]
    case 'lstm': throw new Error(`${name}: an lstm is unrolled, by the recurrent model`)
    case 'residual': {
      const branch = `${h}_branch`
      const sum = `${h} = ${activated(layer.spec, `${h} + ${branch}`)}`
      return [`${branch} = ${h}`, ...forward(layer, branch), commented(sum, shape)]
    }
    case 'conv': {
      const { top, left, bottom, right } = layer.pads
      const pad = `${h} = F.pad(${h}, (${left}, ${right}, ${top}, ${bottom}))`
      const statement = commented(`${h} = ${activated(layer.spec, `${module}(${h})`)}`, shape)
      return isEven(layer) ? [statement] : [commented(pad, 'left, right, top, bottom'), statement]
    }
    case 'conv-transpose': {
      const { top, left, bottom, right } = layer.pads
      const cut = (over: number) => (over === 0 ? ':' : `:-${over}`)
      const rest = isEven(layer) ? '' : `[:, :, ${cut(bottom - top)}, ${cut(right - left)}]`
      return [commented(`${h} = ${activated(layer.spec, `${module}(${h})${rest}`)}`, shape)]
    }
  }
}

type Convolution = PlacedLayer & { kind: 'conv' | 'conv-transpose' }

/** Whether both sides have as much padding. */
function isEven({ pads: { top, left, bottom, right } }: Convolution): boolean {
  return top === bottom && left === right
}

function activated({ activation = 'linear' }: { activation?: Activation }, value: string): string {
  return activation === 'linear' ? value : FUNCTIONS[activation](value)
}

function pair(a: number, b: number): string {
  return a === b ? String(a) : `(${a}, ${b})`
}

/** Left out where it is PyTorch's default. */
function option(name: string, value: string): string | undefined {
  return value === '0' ? undefined : `${name}=${value}`
}

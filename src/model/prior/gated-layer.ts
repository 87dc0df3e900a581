import type { Activation } from '../../ops/activation.js'
import { gateBackward, gateBackwardWeight, gateForward } from '../../ops/codes.js'
import { padTo4 } from '../../ops/dispatch.js'
import type { ConvGeometry } from '../geometry.js'
import { ConvLayer } from '../layers/conv.js'
import type { Frame } from '../layers/layer.js'
import type { Value } from '../graph.js'
import { denseLayout } from '../layout.js'
import type { ParameterSpec } from '../parameters.js'
import type { ImageShape } from '../shapes.js'

/** What the two stacks of a PixelCNN hand on: what each position may know of the rows above, and of its own. */
export interface Stacks {
  vertical: Value
  horizontal: Value
}

/** The size of a kernel, and how far above and to the left of its output it begins. */
type Taps = Pick<ConvGeometry, 'Kh' | 'Kw' | 'padTop' | 'padLeft'>

/** Where a layer stands among the others. */
export interface GatedPlace {
  path: string
  /** The first must not see its own position, and hands nothing else past itself. */
  isFirst: boolean
  /** Nothing reads the last one's vertical stack. */
  isLast: boolean
}

/**
 * A layer of the gated PixelCNN (van den Oord et al. 2016, figure 2). Its masks are shifts: the rows and columns that a
 * mask would leave at 0 a kernel does not have, and padding puts the rest above and to the left of its position. Of
 * k × k the vertical stack reads ⌈k/2⌉ rows of k, the horizontal one ⌈k/2⌉ values of its row; in the first layer, which
 * must not see its own position, ⌊k/2⌋ of each.
 */
export class GatedLayer {
  private readonly vertical: ConvLayer
  private readonly horizontal: ConvLayer
  private readonly down: ConvLayer
  private readonly out: ConvLayer

  /** @param kernel k, an odd number */
  constructor(
    private readonly place: GatedPlace,
    private readonly shape: ImageShape,
    kernel: number,
    private readonly classes: number | undefined,
  ) {
    const { c } = shape
    const before = Math.floor(kernel / 2)
    const reach = place.isFirst ? before : before + 1
    const wide = { ...shape, c: 2 * c }
    const conv = (name: string, input: ImageShape, output: ImageShape, taps?: Partial<Taps>) => {
      return shiftedConv(`${place.path}.${name}`, input, output, taps)
    }
    this.vertical = conv('vertical', shape, wide, { Kh: reach, Kw: kernel, padTop: before, padLeft: before })
    this.horizontal = conv('horizontal', shape, wide, { Kw: reach, padLeft: before })
    this.down = conv('down', wide, wide)
    this.out = conv('out', shape, shape)
  }

  parameters(): ParameterSpec[] {
    const { vertical, horizontal, down, out, place } = this
    return [
      ...vertical.parameters(),
      ...(place.isLast ? [] : this.labels('vertical')),
      ...horizontal.parameters(),
      ...this.labels('horizontal'),
      ...down.parameters(),
      ...out.parameters(),
    ]
  }

  /** The vertical stack goes on to the horizontal one before the gates; the last layer's goes nowhere else. */
  forward({ vertical, horizontal }: Stacks, frame: Frame): Stacks {
    const { isFirst, isLast } = this.place
    const above = this.vertical.forward(vertical, frame)
    const before = this.horizontal.forward(horizontal, frame)
    const both = this.down.forwardAdding!(above, before, frame)
    const next = isLast ? vertical : this.gate('vertical', above, frame)
    const gated = this.gate('horizontal', both, frame)
    return {
      vertical: next,
      horizontal: isFirst ? this.out.forward(gated, frame) : this.out.forwardAdding!(gated, horizontal, frame),
    }
  }

  private gate(stack: 'vertical' | 'horizontal', x: Value, { graph, labels }: Frame): Value {
    const { shape: { h, w, c: C }, classes } = this
    const path = this.labelPath(stack)
    const gated = { B: x.rows, P: h * w, C }
    const y = graph.value(`${this.place.path}.${stack}.gate`, x, padTo4(gated.P * C))
    const of = classes === undefined ? undefined : { w: graph.arena.parameters(`${path}.weight`), labels: labels!() }
    graph.push(gateForward({ x: x.tensor, y: y.tensor }, gated, of))
    graph.record({
      inputs: [x],
      outputs: [y],
      parameters: of && [path],
      backward: (pass) => {
        const dy = pass.gradient(y)!
        pass.send(x, `${path}.dx`, 'no', ({ dx }) => {
          const own = of && pass.parameter(path, `${path}.weight`)
          const input = gateBackward({ x: x.tensor, dy, dx }, gated, of)
          if (!own) return [input]
          const weight = { dx, labels: of!.labels, dw: own.gradient }
          return [input, gateBackwardWeight(weight, { ...gated, K: classes! })]
        })
      },
    })
    return y
  }

  /** What a class adds to the gate's input, nothing at first: as PyTorch's embedding has it, `[classes, 2C]`. */
  private labels(stack: 'vertical' | 'horizontal'): ParameterSpec[] {
    const { classes, shape: { c } } = this
    if (classes === undefined) return []
    const name = `${this.labelPath(stack)}.weight`
    const layout = denseLayout(classes, 2 * c, 'plain', 'plain')
    return [{ name, shape: [classes, 2 * c], init: { type: 'zeros' }, layout }]
  }

  private labelPath(stack: 'vertical' | 'horizontal'): string {
    return `${this.place.path}.${stack}.label`
  }
}

/** A convolution that keeps the size of its map; 1 × 1 unless the taps say otherwise. */
export function shiftedConv(
  path: string,
  input: ImageShape,
  output: ImageShape,
  taps: Partial<Taps> = {},
  activation: Activation = 'linear',
): ConvLayer {
  const { h: H, w: W } = input
  const size = { H, W, Ci: input.c, Ho: H, Wo: W, Co: output.c, S: 1 }
  const geometry = { ...size, Kh: 1, Kw: 1, padTop: 0, padLeft: 0, ...taps }
  return new ConvLayer('conv', path, input, output, activation, geometry)
}

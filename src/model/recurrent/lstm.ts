import { padTo4, type PlanTensor } from '../../ops/dispatch.js'
import { lstmBackward, lstmForward, lstmGates, lstmInputBackward, lstmWeightBackward, lstmWidth } from '../../ops/lstm.js'
import { transposedLayout, vectorLayout } from '../layout.js'
import type { ParameterSpec } from '../parameters.js'
import type { Tape, Unrolled } from './unrolled.js'

/** An LSTM with PyTorch's names, shapes and order of gates. */
export class Lstm {
  constructor(
    /** `encoder.0` */
    readonly path: string,
    /** Values of its input. */
    readonly inputs: number,
    readonly units: number,
  ) {}

  /** Values of what its product reads: input, state, and two ones for the biases. */
  get width(): number {
    return lstmWidth({ I: this.inputs, U: this.units })
  }

  /** Where its own state begins in that. */
  get place(): number {
    return this.inputs
  }

  get names(): string[] {
    return ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map((part) => `${this.path}.${part}`)
  }

  /** One behind another, so that one product reads all four. */
  parameters(): ParameterSpec[] {
    const { inputs: I, units: U, names } = this
    const O = 4 * U
    const weight = (name: string, fanIn: number): ParameterSpec => ({
      name,
      shape: [O, fanIn],
      init: { type: 'glorot-uniform', fanIn, fanOut: O },
      layout: transposedLayout(O, fanIn),
    })
    const bias = (name: string, rows: number): ParameterSpec => ({
      name,
      shape: [O],
      init: { type: 'zeros' },
      layout: { ...vectorLayout(O, 'plain'), paddedRows: rows },
    })
    const padding = padTo4(this.width) - this.width
    const behind = names[0]
    return [
      weight(names[0], I),
      { ...weight(names[1], U), behind },
      { ...bias(names[2], 1), behind },
      { ...bias(names[3], 1 + padding), behind },
    ]
  }

  unroll(steps: Unrolled): UnrolledLstm {
    return new UnrolledLstm(this, steps)
  }
}

/** The steps of an LSTM in a plan. */
export class UnrolledLstm {
  /** What its product reads in every step; who makes its input writes all of it. */
  readonly x: Tape
  /** `h.at(t + 1)` is the state after step t. */
  readonly h: Tape
  /** The gradient by the state, of what reads it in the step at hand. */
  readonly dh: PlanTensor
  /** The gradient by what its product reads, of the step whose backward pass was pushed last. */
  readonly dx: PlanTensor
  private readonly gates: Tape
  private readonly c: PlanTensor[]
  private readonly dc: PlanTensor
  private readonly w: PlanTensor

  constructor(
    readonly lstm: Lstm,
    private readonly unrolled: Unrolled,
  ) {
    const { path, width, units, names } = lstm
    this.x = unrolled.tape(`${path}.x`, width)
    this.h = unrolled.states(`${path}.h`, units)
    this.gates = unrolled.tape(`${path}.gates`, 4 * units)
    this.c = [unrolled.zeros(units)]
    for (let t = 0; t < unrolled.steps; t++) this.c.push(unrolled.slice(`${path}.c.${t + 1}`, units))
    this.dh = unrolled.slice(`${path}.dh`, units)
    this.dx = unrolled.slice(`${path}.dx`, width)
    this.dc = unrolled.slice(`${path}.dc`, units)
    this.w = unrolled.arena.parameters(...names)
  }

  /** Pushes the state after step t, whose `x` is written. */
  forward(t: number): void {
    const { builder } = this.unrolled
    const gates = this.gates.at(t)
    builder.push(
      lstmGates({ x: this.x.at(t), w: this.w, gates }, this.shape),
      lstmForward({ gates, before: this.c[t], c: this.c[t + 1], h: this.h.at(t + 1) }, this.shape),
    )
  }

  /**
   * Pushes the gradient by the gates of step t from `dh`, from its own next step and from what reads its state there.
   * @param inputs whether the gradient by what its product reads is asked for
   */
  backward(t: number, { inputs = true } = {}): void {
    const { unrolled, lstm, dx, dc, dh, c, w } = this
    const { builder, steps } = unrolled
    const gates = this.gates.at(t)
    const later = t === steps - 1 ? undefined : { dx, stride: padTo4(lstm.width), offset: lstm.place }
    builder.push(lstmBackward({ gates, before: c[t], c: c[t + 1], dc, dh }, this.shape, later))
    if (!inputs) return
    this.zeros ??= builder.pin(builder.activation('zeros', padTo4(lstm.width)))
    builder.push(lstmInputBackward({ dgates: gates, w, zeros: this.zeros, dx }, this.shape))
  }

  /** Pushes the gradients of its parameters, over all steps. */
  finish(): void {
    const { unrolled, lstm, x, gates } = this
    const { builder, arena, steps, rows } = unrolled
    const dw = arena.gradient(...lstm.names)
    const sums = builder.activation(`${lstm.path}.sums`, padTo4(lstm.width))
    builder.push(lstmWeightBackward({ x: x.whole, dgates: gates.whole, dw, sums }, { ...this.shape, B: steps * rows }))
  }

  private zeros: PlanTensor | undefined

  private get shape() {
    return { B: this.unrolled.rows, I: this.lstm.inputs, U: this.lstm.units }
  }
}

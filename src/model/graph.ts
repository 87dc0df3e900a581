import type { Activation } from '../ops/activation.js'
import type { Dispatch, PlanTensor } from '../ops/dispatch.js'
import { activationBackward, gradientAdd } from '../ops/elementwise.js'
import type { PlanBuilder } from '../schedule/plan.js'
import type { LayerTensors, ParameterArena } from './arena.js'

// From a specification to the GPU, the nouns in order:
//
//   VaeSpec ── check ──> Model ─────── compile ──────> Graph ── backward ──> Plan ─── create ───> Executable
//   plain JSON           layers, a latent,             values, and the       dispatches in        pipelines, buffers,
//                        a likelihood: shapes          nodes that read       order, tensors       bind groups: a step
//                        and parameters known          and make them         share buffers        makes no object
//
//   ParameterArena: where each parameter, its gradient and its moments lie     Program: a plan and its executable
//   ModelRuntime: a model on a device, with a program per kind of request      Trainer: fills the queue with steps

/** Rows of numbers that one node makes and others read. */
export interface Value {
  /** `[rows, P4(width)]` */
  readonly tensor: PlanTensor
  readonly rows: number
  /** Rows per image: row n of a batch belongs to image ⌊n / samples⌋. */
  readonly samples: number
  /** Batches that it stacks, one after the other, each of as many rows; 1 unless given. */
  readonly batches?: number
  /** The activation that made it: the last reader to send a gradient multiplies by its derivative. */
  readonly activation: Activation
}

/** Something that makes values out of values, and how its gradient runs back. */
export interface Node {
  /** Every value it reads, as often as it sends that value a gradient. */
  inputs: readonly Value[]
  outputs: readonly Value[]
  /** Paths of the layers whose parameters it uses (`encoder.0`). */
  parameters?: readonly string[]
  /** Pushes the dispatches of the gradient. It sends each of its inputs exactly one gradient. */
  backward(pass: BackwardPass): void
}

/** The gradient that an objective puts on a value. */
export interface Seed {
  value: Value
  /** By the value before its activation where `factored`, else by the value itself. */
  gradient: PlanTensor
  factored?: boolean
}

/** The rows of a value, and what they are. */
export type Rows = Pick<Value, 'rows' | 'samples' | 'batches'>

/** What a backward pass is for. */
export interface PassOptions {
  /** Whether a layer's parameters get their gradient from this objective; all do unless given. */
  wants?: (path: string) => boolean
  /** A value that no node makes, of which the gradient is asked for too. */
  by?: Value
  /** How many of the stacked batches take part, from the first on; all unless given. */
  batches?: number
}

/**
 * How a kernel can add what a value's other readers have sent: into the same tensor, from a tensor of its own (before
 * the factor act'(x)), or not at all.
 */
export type Adds = 'in-place' | 'aside' | 'no'

/** Where a kernel is to leave the gradient by x. */
export interface GradientTarget {
  dx: PlanTensor
  /** The activation whose derivative to multiply by. */
  activation: Activation
  /** What to add before that factor: `dx` itself where the kernel adds in place. */
  add?: PlanTensor
}

/** Gradients of a layer's parameters, which are added to what is there with `accumulate`, else overwritten. */
export interface LayerGradients {
  dw: PlanTensor
  db: PlanTensor
  accumulate: boolean
}

/** The values of a model, the nodes between them in the order of the forward pass, and their gradients. */
export class Graph {
  /** @internal for the backward pass */
  readonly nodes: Node[] = []
  private readonly written = new Set<string>()

  constructor(
    readonly builder: PlanBuilder,
    readonly arena: ParameterArena,
  ) {}

  push(...dispatches: Dispatch[]): void {
    this.builder.push(...dispatches)
  }

  /** A value in a new activation of `width` elements a row, padding included. */
  value(name: string, like: Rows, width: number, activation: Activation = 'linear'): Value {
    const { rows, samples, batches } = like
    return { tensor: this.builder.activation(name, rows * width), rows, samples, batches, activation }
  }

  /** A value as wide as another. */
  alike(name: string, x: Value, activation: Activation = 'linear'): Value {
    return this.value(name, x, x.tensor.elements / x.rows, activation)
  }

  /** The same numbers as a value that no gradient flows through. */
  detach(value: Value): Value {
    return { ...value }
  }

  /** The parameters of a layer, or of several that lie right after one another, as one layer. */
  layer(...paths: string[]): LayerTensors {
    return this.arena.layer(...paths)
  }

  /** Records a node; its dispatches of the forward pass are the caller's to push. */
  record(node: Node): void {
    this.nodes.push(node)
  }

  /**
   * Pushes the gradients of one objective. May be called once per objective, with disjoint parameters.
   * @returns the gradient by the value that is asked for, if any
   */
  backward(seeds: readonly Seed[], options: PassOptions = {}): PlanTensor | undefined {
    const pass = new BackwardPass(this, seeds, options)
    pass.run()
    return options.by && pass.gradient(options.by)
  }

  /** Whether the gradient of that name adds to what another node has written. Asking counts as writing. */
  accumulates(name: string): boolean {
    if (this.written.has(name)) return true
    this.written.add(name)
    return false
  }
}

/** What has been sent to a value so far. */
interface Sent {
  tensor: PlanTensor
  /** Made for this value alone, so that more may be added in place. */
  owned: boolean
  /** The derivative of the value's activation is already in. */
  factored: boolean
}

/** The gradient of one objective, from its seeds back to the parameters that are asked for. */
export class BackwardPass {
  /** Values before which lie parameters that are asked for. */
  private readonly leading = new Set<Value>()
  /** Gradients that a value is still to be sent. */
  private readonly expected = new Map<Value, number>()
  private readonly sent = new Map<Value, Sent>()
  private readonly active = new Set<Node>()
  private readonly wants: (path: string) => boolean
  private readonly most: number

  constructor(
    private readonly graph: Graph,
    private readonly seeds: readonly Seed[],
    { wants = () => true, by, batches = Infinity }: PassOptions,
  ) {
    this.wants = wants
    this.most = batches
    if (by) this.leading.add(by)
    this.findLeading()
    this.findActive()
  }

  run(): void {
    for (const { value, gradient, factored } of this.seeds) {
      if (!this.leads(value)) continue
      if (factored) this.sendFactored(value, gradient)
      else this.passOn(value, gradient)
    }
    for (const node of this.graph.nodes.toReversed()) if (this.active.has(node)) node.backward(this)
  }

  /** The gradient by an output of the node, before its activation; nothing where none was sent. */
  gradient(value: Value): PlanTensor | undefined {
    const left = this.expected.get(value) ?? 0
    if (left > 0) throw new Error(`${value.tensor.name}: ${left} of its readers have sent no gradient`)
    return this.sent.get(value)?.tensor
  }

  /** The rows of a value that take part. */
  rows(value: Value): Rows {
    const { rows, samples, batches = 1 } = value
    if (batches <= this.most) return { rows, samples, batches }
    return { rows: (rows / batches) * this.most, samples, batches: this.most }
  }

  /** Whether a gradient by this value is asked for. */
  leads(value: Value): boolean {
    return this.leading.has(value)
  }

  /** Where the gradients of a layer's parameters go; nothing where this objective does not ask for them. */
  parameters(...paths: string[]): LayerGradients | undefined {
    if (!this.wants(paths[0])) return undefined
    const { dw, db } = this.graph.layer(...paths)
    return { dw, db, accumulate: this.graph.accumulates(paths[0]) }
  }

  /** Where the gradient of one parameter of a layer goes; nothing where this objective does not ask for it. */
  parameter(path: string, name: string): { gradient: PlanTensor; accumulate: boolean } | undefined {
    if (!this.wants(path)) return undefined
    return { gradient: this.graph.arena.gradient(name), accumulate: this.graph.accumulates(name) }
  }

  /** Lets a kernel compute the gradient by x, in a tensor of that name. */
  send(x: Value, name: string, adds: Adds, write: (target: GradientTarget) => readonly Dispatch[]): void {
    if (!this.leads(x)) return
    const { before, last } = this.take(x)
    const { builder } = this.graph
    const activation = last ? x.activation : 'linear'
    if (before?.owned && adds === 'in-place') {
      this.graph.push(...write({ dx: before.tensor, activation, add: before.tensor }))
      this.sent.set(x, { tensor: before.tensor, owned: true, factored: last })
      return
    }
    const dx = builder.activation(name, this.elements(x))
    if (!before || adds === 'aside') {
      this.graph.push(...write({ dx, activation, add: before?.tensor }))
      this.sent.set(x, { tensor: dx, owned: true, factored: last })
    } else {
      this.graph.push(...write({ dx, activation: 'linear' }))
      this.add(x, before.tensor, dx, last)
    }
  }

  /** Sends x a gradient that exists already: of a sum, or of a view. */
  passOn(x: Value, gradient: PlanTensor): void {
    if (!this.leads(x)) return
    const { before, last } = this.take(x)
    if (before) return this.add(x, before.tensor, gradient, last)
    if (!last || x.activation === 'linear') {
      this.sent.set(x, { tensor: gradient, owned: false, factored: last })
      return
    }
    const dx = this.graph.builder.activation(`${gradient.name}.dx`, this.elements(x))
    this.graph.push(activationBackward({ dy: gradient, y: x.tensor, dx }, x.activation))
    this.sent.set(x, { tensor: dx, owned: true, factored: true })
  }

  private sendFactored(x: Value, gradient: PlanTensor): void {
    const { before, last } = this.take(x)
    const alone = !before && last
    if (!alone && x.activation !== 'linear') throw new Error(`${x.tensor.name}: its gradient has its factor already`)
    if (before) this.add(x, before.tensor, gradient, last)
    else this.sent.set(x, { tensor: gradient, owned: false, factored: true })
  }

  private add(x: Value, a: PlanTensor, b: PlanTensor, last: boolean): void {
    const y = this.graph.builder.activation(`${x.tensor.name}.sum`, this.elements(x))
    this.graph.push(gradientAdd({ a, b, x: x.tensor, y }, last ? x.activation : 'linear'))
    this.sent.set(x, { tensor: y, owned: true, factored: last })
  }

  /** Of a gradient by x. */
  private elements(x: Value): number {
    return (x.tensor.elements / x.rows) * this.rows(x).rows
  }

  private take(x: Value): { before: Sent | undefined; last: boolean } {
    const left = (this.expected.get(x) ?? 0) - 1
    if (left < 0) throw new Error(`${x.tensor.name}: is sent more gradients than it has readers`)
    this.expected.set(x, left)
    return { before: this.sent.get(x), last: left === 0 }
  }

  private findLeading(): void {
    for (const { inputs, outputs, parameters = [] } of this.graph.nodes) {
      const leads = parameters.some(this.wants) || inputs.some((input) => this.leading.has(input))
      if (leads) for (const output of outputs) this.leading.add(output)
    }
  }

  private findActive(): void {
    const reached = new Set<Value>()
    const expect = (value: Value) => {
      if (!this.leading.has(value)) return
      reached.add(value)
      this.expected.set(value, (this.expected.get(value) ?? 0) + 1)
    }
    for (const { value } of this.seeds) expect(value)
    for (const node of this.graph.nodes.toReversed()) {
      if (!node.outputs.some((output) => reached.has(output))) continue
      this.active.add(node)
      for (const input of node.inputs) expect(input)
    }
  }
}

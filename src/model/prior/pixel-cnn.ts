import { codeForward, codeLoss, codeSample, embeddingBackward } from '../../ops/codes.js'
import { padRows, padTo4, type PlanTensor } from '../../ops/dispatch.js'
import { codebookGather } from '../../ops/quantize.js'
import type { ParameterArena } from '../arena.js'
import type { Value } from '../graph.js'
import type { ConvLayer } from '../layers/conv.js'
import { denseLayout } from '../layout.js'
import type { Model } from '../model.js'
import type { Network } from '../network.js'
import type { ParameterSpec } from '../parameters.js'
import { sliceBatch, type CompiledPlan, type PlanRequest } from '../request.js'
import type { ImageShape } from '../shapes.js'
import { StepPlan } from '../step-plan.js'
import { GatedLayer, shiftedConv, type Stacks } from './gated-layer.js'
import type { PriorSpec } from './prior-spec.js'

const EMBEDDING = 'prior.embedding'

/** The first layer's kernel, as published. */
const FIRST_KERNEL = 7

/**
 * A prior over maps of codes, p(codes) = Π_p p(code_p | those before it, row by row): a gated PixelCNN (van den Oord et
 * al. 2016) on an embedding of the codes, of a class where it is conditional. Its "images" are maps of codes, whole
 * numbers as floats; its loss is −ln p(codes), in nats per image.
 */
export class PixelCnn implements Network {
  readonly klWeight = 1
  readonly lossParts = [{ name: 'codes', weight: 1 }] as const
  readonly least = { input: { type: 'codes' }, noise: 'mean', output: 'codes' } as const
  private readonly layers: readonly GatedLayer[]
  private readonly head: readonly ConvLayer[]

  /**
   * @param input the map of codes, of one channel
   * @param codes how many there are
   */
  constructor(
    readonly input: ImageShape,
    readonly codes: number,
    readonly prior: PriorSpec,
  ) {
    const { layers, channels, kernel, classes } = prior
    const shape = { ...input, c: channels }
    this.layers = Array.from({ length: layers }, (_, i) => {
      const place = { path: `prior.${i}`, isFirst: i === 0, isLast: i === layers - 1 }
      return new GatedLayer(place, shape, i === 0 ? FIRST_KERNEL : kernel, classes)
    })
    const hidden = { ...input, c: 2 * channels }
    this.head = [
      shiftedConv('prior.output.0', shape, hidden, {}, 'relu'),
      shiftedConv('prior.output.1', hidden, { ...input, c: codes }),
    ]
  }

  get classes() {
    return this.prior.classes
  }

  /** Codes of an image. */
  get positions(): number {
    return this.input.h * this.input.w
  }

  parameters(): ParameterSpec[] {
    const { codes, prior: { channels } } = this
    const layout = denseLayout(codes, channels, 'plain', 'plain')
    const init = { type: 'uniform', bound: 1 } as const
    const embedding = { name: `${EMBEDDING}.weight`, shape: [codes, channels], init, layout }
    return [embedding, ...[...this.layers, ...this.head].flatMap((layer) => layer.parameters())]
  }

  rowsPerImage(): number {
    return 1
  }

  compile(request: PlanRequest, arena: ParameterArena): CompiledPlan {
    const B = padRows(sliceBatch(request))
    const plan = new StepPlan(this, request, arena, B)
    const { graph, pins } = plan
    const shape = { B, P: this.positions, K: this.codes }
    const codes = this.codesOf(request, plan, B)
    const logits = this.logits(codes, plan, B)
    if (request.output === 'codes') {
      pins.show('logits', logits.tensor)
      graph.push(codeSample({ logits: logits.tensor, codes }, shape))
      return plan.build()
    }
    const tensors = { logits: logits.tensor, codes, losses: plan.losses(false), status: plan.status }
    graph.push(codeLoss(tensors, shape, plan.learns))
    if (!plan.learns) return plan.build()
    plan.begin('backward')
    graph.backward([{ value: logits, gradient: logits.tensor }])
    plan.update()
    return plan.build()
  }

  /** The codes as words: the host's, or those of a set. */
  private codesOf({ input }: PlanRequest, plan: StepPlan, B: number): PlanTensor {
    const { graph, pins } = plan
    const { positions: P } = this
    const x = input.type === 'codes' ? undefined : plan.images()
    plan.begin('forward')
    const codes = pins.get('codes', B * padTo4(P))
    if (x) graph.push(codeForward({ x: x.tensor, codes }, { B, P }))
    return codes
  }

  /** `[B, P4(P · codes)]` of the code at every position, which depend on the codes before it alone. */
  private logits(codes: PlanTensor, { frame }: StepPlan, rows: number): Value {
    const embedded = this.embed(codes, frame.graph, rows)
    const start: Stacks = { vertical: embedded, horizontal: embedded }
    const { horizontal } = this.layers.reduce((stacks, layer) => layer.forward(stacks, frame), start)
    return this.head.reduce((value, layer) => layer.forward(value, frame), horizontal)
  }

  private embed(codes: PlanTensor, graph: StepPlan['graph'], rows: number): Value {
    const shape = { B: rows, P: this.positions, D: this.prior.channels, K: this.codes }
    const y = graph.value(`${EMBEDDING}.y`, { rows, samples: 1 }, padTo4(shape.P * shape.D))
    graph.push(codebookGather({ codes, codebook: graph.arena.parameters(`${EMBEDDING}.weight`), y: y.tensor }, shape))
    graph.record({
      inputs: [],
      outputs: [y],
      parameters: [EMBEDDING],
      backward: (pass) => {
        const { gradient } = pass.parameter(EMBEDDING, `${EMBEDDING}.weight`)!
        graph.push(embeddingBackward({ dy: pass.gradient(y)!, codes, dtable: gradient }, shape))
      },
    })
    return y
  }
}

/** The prior with that network over a vector-quantised model's codes. */
export function pixelCnnFor({ latent }: Model, network: PriorSpec): PixelCnn {
  const { h, w } = latent.output as ImageShape
  return new PixelCnn({ kind: 'image', h, w, c: 1 }, latent.codebook!.codes, network)
}

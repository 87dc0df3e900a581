import { padTo4, rowLaneTilings, type Dispatch, type PlanTensor } from './dispatch.js'

/** Maps of codes: codes are `[B, P4(P)]` words, logits `[B, P4(P·K)]`. */
export interface CodeShape {
  /** Rows. */
  B: number
  /** Positions of an image. */
  P: number
  /** Codes. */
  K: number
}

/** Maps of vectors with a gate: x is `[B, P4(P·2C)]`, y `[B, P4(P·C)]`. */
export interface GateShape {
  B: number
  P: number
  /** Channels of y, half of those of x. */
  C: number
}

/** What a class adds to the input of a gate, `[P4(classes), P4(2C)]`, and the class of every image. */
export interface GateLabels {
  w: PlanTensor
  labels: PlanTensor
}

/** codes[n,p] = x[n,p], whole numbers as floats, which is how a set of images has them. */
export function codeForward(t: { x: PlanTensor; codes: PlanTensor }, { B, P }: Omit<CodeShape, 'K'>): Dispatch {
  return {
    kernel: 'code_forward',
    constants: { B, P },
    bindings: { x: t.x, codes: t.codes },
    grid: [padTo4(P), B, 1],
    shape: `B${B} P${P}`,
    flops: 0,
  }
}

/** dtable[k] = Σ dy[n,p] over the positions of code k; the table is `[P4(K), P4(D)]`, and `codebookGather` reads it. */
export function embeddingBackward(
  t: { dy: PlanTensor; codes: PlanTensor; dtable: PlanTensor },
  { B, P, D, K }: CodeShape & { D: number },
): Dispatch {
  return {
    kernel: 'embedding_backward',
    constants: { P, D, K },
    bindings: { z: t.dy, codes: t.codes, dtable: t.dtable },
    grid: [padTo4(D) / 4, padTo4(K), 1],
    shape: `B${B} P${P} D${D} K${K}`,
    flops: 0,
  }
}

/** y = tanh(a) · sigmoid(b), a and b being the halves of every position's channels, with what its class adds. */
export function gateForward(t: { x: PlanTensor; y: PlanTensor }, shape: GateShape, of?: GateLabels): Dispatch {
  const { B, P, C } = shape
  return {
    kernel: 'gate_forward',
    constants: { B, P, C, LABELED: Number(of !== undefined) },
    bindings: { x: t.x, w: of?.w ?? t.x, labels: of?.labels ?? t.x, y: t.y },
    grid: [padTo4(P * C), B, 1],
    shape: describeGate(shape),
    flops: 0,
  }
}

/** dx from dy, the gradient by the gate's input, which is by what the class adds too. */
export function gateBackward(
  t: { x: PlanTensor; dy: PlanTensor; dx: PlanTensor },
  shape: GateShape,
  of?: GateLabels,
): Dispatch {
  const { B, P, C } = shape
  return {
    kernel: 'gate_backward',
    constants: { B, P, C, LABELED: Number(of !== undefined) },
    bindings: { x: t.x, w: of?.w ?? t.x, labels: of?.labels ?? t.x, dy: t.dy, dx: t.dx },
    grid: [padTo4(2 * P * C) / 2, B, 1],
    shape: describeGate(shape),
    flops: 0,
  }
}

/** dw[k] = Σ dx over the images of class k and their positions. */
export function gateBackwardWeight(
  t: { dx: PlanTensor; labels: PlanTensor; dw: PlanTensor },
  { B, P, C, K }: GateShape & { K: number },
): Dispatch {
  return {
    kernel: 'gate_backward_weight',
    constants: { P, J: 2 * C, K },
    bindings: { dx: t.dx, labels: t.labels, dw: t.dw },
    grid: [padTo4(2 * C), padTo4(K), 1],
    shape: `${describeGate({ B, P, C })} K${K}`,
    flops: 0,
  }
}

/**
 * `losses[slot, n]` = −Σ_p ln softmax(logits[n,p])[codes[n,p]], in nats; with `gradient` the logits become their own
 * gradient.
 */
export function codeLoss(
  t: { logits: PlanTensor; codes: PlanTensor; losses: PlanTensor; status: PlanTensor },
  shape: CodeShape,
  gradient: boolean,
): Dispatch {
  const { B, P, K } = shape
  return {
    ...rowLaneTilings('code_loss', { B, P, K, GRADIENT: Number(gradient) }, B, P),
    bindings: { codes: t.codes, l: t.logits, losses: t.losses, status: t.status },
    shape: describe(shape),
    flops: 0,
  }
}

/** Draws codes[n, step.cursor] from softmax(logits · step.scale). */
export function codeSample(t: { logits: PlanTensor; codes: PlanTensor }, shape: CodeShape): Dispatch {
  const { B, P, K } = shape
  return {
    kernel: 'code_sample',
    constants: { B, P, K },
    bindings: { l: t.logits, codes: t.codes },
    grid: [B, 1, 1],
    shape: describe(shape),
    flops: 0,
  }
}

function describe({ B, P, K }: CodeShape): string {
  return `B${B} P${P} K${K}`
}

function describeGate({ B, P, C }: GateShape): string {
  return `B${B} P${P} C${C}`
}

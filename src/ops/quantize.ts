import { padTo4, type Dispatch, type PlanTensor } from './dispatch.js'

/** Images of vectors: z and y are `[B, P4(P·D)]`, codes `[B, P4(P)]` words, the codebook `[P4(K), P4(D)]`. */
export interface QuantizeShape {
  /** Rows. */
  B: number
  /** Positions of an image. */
  P: number
  /** Values of a code. */
  D: number
  /** Codes. */
  K: number
}

/** How fast the moving averages of the codes forget, and the share of the mean count under which a code is dead. */
const DECAY = 0.99
const DEAD = 0.1

/** codes[n,p] = argmin_k |z[n,p] − e_k|², the lowest k among equals. */
export function quantizeNearest(
  t: { z: PlanTensor; codebook: PlanTensor; codes: PlanTensor },
  shape: QuantizeShape,
): Dispatch {
  const { B, P, D, K } = shape
  return {
    kernel: 'quantize_nearest',
    constants: { B, P, D, K },
    bindings: { z: t.z, codebook: t.codebook, codes: t.codes },
    grid: [padTo4(P) / 4, B, 1],
    shape: describe(shape),
    flops: 2 * B * P * D * K,
  }
}

/**
 * y[n,p] = e[codes[n,p]] and the loss of every image, (1 + commitment) Σ |z − y|². With `count` the usage of the codes is
 * counted up.
 */
export function quantizeForward(
  t: {
    z: PlanTensor
    codes: PlanTensor
    codebook: PlanTensor
    y: PlanTensor
    losses: PlanTensor
    usage: PlanTensor
    status: PlanTensor
  },
  shape: QuantizeShape,
  { commitment, count }: { commitment: number; count: boolean },
): Dispatch {
  const { B, P, D } = shape
  const { z, codes, codebook, y, losses, usage, status } = t
  return {
    kernel: 'quantize_forward',
    constants: { B, P, D, COMMITMENT: commitment, COUNT: Number(count) },
    bindings: { z, codes, codebook, y, losses, usage, status },
    grid: [64, B, 1],
    shape: describe(shape),
    flops: 0,
  }
}

/** dz = dy + 2 · commitment / batch · (z − y) */
export function quantizeBackward(
  t: { dy: PlanTensor; z: PlanTensor; y: PlanTensor; dz: PlanTensor },
  shape: QuantizeShape,
  commitment: number,
): Dispatch {
  const { B, P, D } = shape
  return {
    kernel: 'quantize_backward',
    constants: { B, N: P * D, COMMITMENT: commitment },
    bindings: { dy: t.dy, z: t.z, y: t.y, dz: t.dz },
    grid: [padTo4(P * D) / 4, B, 1],
    shape: describe(shape),
    flops: 0,
  }
}

/** y[n,p] = e[codes[n,p]] */
export function codebookGather(
  t: { codes: PlanTensor; codebook: PlanTensor; y: PlanTensor },
  shape: QuantizeShape,
): Dispatch {
  const { B, P, D } = shape
  return {
    kernel: 'codebook_gather',
    constants: { B, P, D },
    bindings: { codes: t.codes, codebook: t.codebook, y: t.y },
    grid: [padTo4(P * D) / 4, B, 1],
    shape: describe(shape),
    flops: 0,
  }
}

/** dcodebook[k] = 2 / batch · Σ (e_k − z) over the positions that chose k. */
export function codebookBackward(
  t: { z: PlanTensor; codes: PlanTensor; codebook: PlanTensor; dcodebook: PlanTensor },
  shape: QuantizeShape,
): Dispatch {
  const { P, D, K } = shape
  return {
    kernel: 'codebook_backward',
    constants: { P, D, K },
    bindings: { z: t.z, codes: t.codes, codebook: t.codebook, dcodebook: t.dcodebook },
    grid: [padTo4(D) / 4, padTo4(K), 1],
    shape: describe(shape),
    flops: 0,
  }
}

/** counts[k] and sums[k]: how many positions of the batch chose k, and the sum of their vectors. */
export function codebookSum(
  t: { z: PlanTensor; codes: PlanTensor; counts: PlanTensor; sums: PlanTensor },
  shape: QuantizeShape,
): Dispatch {
  const { P, D, K } = shape
  return {
    kernel: 'codebook_sum',
    constants: { P, D, K },
    bindings: { z: t.z, codes: t.codes, counts: t.counts, sums: t.sums },
    grid: [padTo4(D) / 4, padTo4(K), 1],
    shape: describe(shape),
    flops: 0,
  }
}

/** Moves the averages `count` and `mean` by what `codebookSum` found, and makes the codes of them; dead codes revive. */
export function codebookAverage(
  t: {
    z: PlanTensor
    counts: PlanTensor
    sums: PlanTensor
    count: PlanTensor
    mean: PlanTensor
    codebook: PlanTensor
    status: PlanTensor
  },
  shape: QuantizeShape,
): Dispatch {
  const { P, D, K } = shape
  const { z, counts, sums, count, mean, codebook, status } = t
  return {
    kernel: 'codebook_average',
    constants: { P, D, K, DECAY, DEAD },
    bindings: { z, counts, sums, count, mean, codebook, status },
    grid: [256, 1, 1],
    shape: describe(shape),
    flops: 0,
  }
}

function describe({ B, P, D, K }: QuantizeShape): string {
  return `B${B} P${P} D${D} K${K}`
}

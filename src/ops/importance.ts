import { padTo4, rowLaneTilings, type Dispatch, type PlanTensor } from './dispatch.js'

/**
 * The importance-weighted bound (Burda, Grosse & Salakhutdinov 2016) from the losses of an image's samples: the image's
 * losses `[slots, 3, B]`, the normalised `weights` of its rows, and `dy`, the gradient of every row's reconstruction, times
 * those weights.
 */
export function importanceLoss(
  t: { rowLosses: PlanTensor; losses: PlanTensor; weights: PlanTensor; dy: PlanTensor },
  { B, N, samples }: { B: number; N: number; samples: number },
): Dispatch {
  const constants = { B, ROWS: t.weights.elements, SAMPLES: samples, N }
  return {
    ...rowLaneTilings('importance_loss', constants, B, padTo4(N) / 4),
    bindings: { row_losses: t.rowLosses, losses: t.losses, weights: t.weights, dy: t.dy },
    shape: `B${B} N${N} x${samples}`,
    flops: 0,
  }
}

/** The gradient of that bound by mean and log-variance, summed over an image's samples; `dz` holds the weights already. */
export function importanceBackward(
  t: { dz: PlanTensor; head: PlanTensor; noise: PlanTensor; weights: PlanTensor; dhead: PlanTensor },
  { B, Z, samples }: { B: number; Z: number; samples: number },
): Dispatch {
  return {
    kernel: 'importance_backward',
    constants: { B, SAMPLES: samples, Z },
    bindings: { dz: t.dz, head: t.head, noise: t.noise, weights: t.weights, dhead: t.dhead },
    grid: [padTo4(Z) / 4, B, 1],
    shape: `B${B} Z${Z} x${samples}`,
    flops: 0,
  }
}

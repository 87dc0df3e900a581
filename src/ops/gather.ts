import { padTo4, type Dispatch, type PlanTensor } from './dispatch.js'

/** x = images[order[cursor + n]] / 255, from one buffer of the set that holds images `first` to `first + count − 1`. */
export function batchGather(
  t: { images: PlanTensor; order: PlanTensor; x: PlanTensor },
  { B, N, first, count }: { B: number; N: number; first: number; count: number },
): Dispatch {
  return {
    kernel: 'batch_gather',
    constants: { B, N, FIRST: first, COUNT: count },
    bindings: { images: t.images, order: t.order, x: t.x },
    grid: [padTo4(N) / 4, B, 1],
    shape: `B${B} N${N}`,
    flops: 0,
  }
}

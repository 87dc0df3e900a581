import { padTo4, type PlanTensor } from '../../ops/dispatch.js'
import type { LatentFrame } from './latent.js'

/** The noise of every row of z: left by the kernel that draws it, or the host's, where zeros stand for the mean. */
export function noiseOf({ graph, pins, rows, noise }: LatentFrame, width: number): PlanTensor {
  const elements = rows * padTo4(width)
  return noise === 'drawn' ? graph.builder.activation('noise', elements) : pins.get('noise', elements)
}

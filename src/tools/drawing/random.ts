import { normalQuantile } from './normal.js'

/** Numbers from 0 to below 1 that only a seed decides: a linear congruential generator, whose upper bits are used. */
export function uniforms(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0)
  next()
  return () => ((next() >>> 8) + 0.5) / 2 ** 24
}

/** `count` draws of N(0, 1) that only the seed decides. */
export function normals(count: number, seed: number): Float32Array {
  const next = uniforms(seed)
  return Float32Array.from({ length: count }, () => normalQuantile(next()))
}

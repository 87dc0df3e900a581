import type { Dataset } from '../../index.js'
import { toFloats } from './bytes.js'

/** Where to find `count` images of different classes, in the classes' order; the first ones without labels. */
export function oneOfEach({ labels, count: available }: Dataset, count: number): number[] {
  const first = new Map<number, number>()
  labels?.forEach((label, index) => first.has(label) || first.set(label, index))
  const chosen = [...first.keys()].sort((a, b) => a - b).map((label) => first.get(label)!)
  for (let index = 0; chosen.length < Math.min(count, available); index++) {
    if (!chosen.includes(index)) chosen.push(index)
  }
  return chosen.slice(0, count)
}

/** Some images one after the other, as the engine takes them. */
export function gather({ images, shape }: Dataset, indices: readonly number[]): Float32Array {
  const size = shape[0] * shape[1] * shape[2]
  const gathered = new Float32Array(indices.length * size)
  indices.forEach((index, i) => {
    const image = images.subarray(index * size, (index + 1) * size)
    gathered.set(image instanceof Uint8Array ? toFloats(image) : image, i * size)
  })
  return gathered
}

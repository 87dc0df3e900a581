import { readArray, readName } from '../checks.js'
import { ACTIVATIONS, type Activation } from '../ops/activation.js'
import { checkElements, readWhole } from './fields.js'

/** `[height, width, channels]`. @throws SpecError */
export function readImageShape(value: unknown, path: string): [number, number, number] {
  const [h, w, c] = readArray(value, path, 'three whole numbers [height, width, channels]', 3)
  const shape: [number, number, number] = [
    readWhole(h, `${path}[0]`, 1),
    readWhole(w, `${path}[1]`, 1),
    readWhole(c, `${path}[2]`, 1),
  ]
  checkElements(shape[0] * shape[1] * shape[2], path, shape.join(' × '))
  return shape
}

/** A layer's `activation`, left out where it was not given. @throws SpecError with the path of the layer's activation */
export function readActivation(value: unknown, layerPath: string): { activation?: Activation } {
  if (value === undefined) return {}
  return { activation: readName(value, `${layerPath}.activation`, 'activation', ACTIVATIONS) }
}

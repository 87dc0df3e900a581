import { SpecError } from '../../errors.js'
import { readImageShape } from '../spec-fields.js'
import { sizeOf } from '../shapes.js'
import type { ReshapeSpec } from '../spec.js'
import type { LayerKind } from './layer.js'
import { reshaped, vectorOf } from './view.js'

/** Vector or image to an image of as many values. */
export const reshape: LayerKind<ReshapeSpec> = {
  type: 'reshape',
  keys: ['shape'],
  read: ({ shape }, path) => ({ type: 'reshape', shape: readImageShape(shape, `${path}.shape`) }),
  resolve({ shape: [h, w, c] }, input, { path, name }, { groups }) {
    const size = sizeOf(input)
    if (size !== h * w * c) {
      const came = input.kind === 'image' ? `${size} = ${input.h} × ${input.w} × ${input.c}` : size
      throw new SpecError(`${path}.shape`, `needs ${h * w * c} = ${h} × ${w} × ${c} values, got ${came}`)
    }
    const { views, vector } = vectorOf(input, name, groups)
    return [...views, reshaped(vector, { kind: 'image', h, w, c }, name, groups)]
  },
}

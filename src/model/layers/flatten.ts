import type { FlattenSpec } from '../spec.js'
import type { LayerKind } from './layer.js'
import { flattened } from './view.js'

/** Image to vector; a vector stays as it is. */
export const flatten: LayerKind<FlattenSpec> = {
  type: 'flatten',
  keys: [],
  read: () => ({ type: 'flatten' }),
  resolve: (_, input, { name }, { groups }) => (input.kind === 'image' ? [flattened(input, name, groups)] : []),
}

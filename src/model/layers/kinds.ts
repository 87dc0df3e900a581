import { readArray } from '../../checks.js'
import { SpecError } from '../../errors.js'
import { kindOf, readKind } from '../kinds.js'
import type { OrderGroups, Shape } from '../shapes.js'
import type { LayerSpec } from '../spec.js'
import { batchNorm } from './batch-norm.js'
import { conv, convTranspose } from './conv.js'
import { dense } from './dense.js'
import { flatten } from './flatten.js'
import { lastShape, type Layer, type LayerKind, type Place } from './layer.js'
import { lstm } from './lstm.js'
import { reshape } from './reshape.js'
import { residual } from './residual.js'

/** Every kind of layer that a specification may name. */
const KINDS = [dense, conv, convTranspose, batchNorm, flatten, reshape, residual, lstm] as readonly LayerKind[]

/** Residuals inside residuals; a bound so that a specification that contains itself ends in a message. */
const MAX_DEPTH = 16

/** Checks a list of layers, each value on its own. @throws SpecError */
export function readLayers(value: unknown, path: string, depth = 0): LayerSpec[] {
  if (depth > MAX_DEPTH) throw new SpecError(path, `residuals can lie at most ${MAX_DEPTH} deep`)
  return Array.from(readArray(value, path, 'an array of layers'), (layer, i) => {
    const at = `${path}[${i}]`
    const { kind, fields } = readKind(KINDS, layer, at, 'layer', 'layer type')
    return kind.read(fields, at, (inner, innerPath) => readLayers(inner, innerPath, depth + 1))
  })
}

/** Shapes of a list of layers, implicit views written out. @throws SpecError where they do not fit together */
export function resolveLayers(
  specs: readonly LayerSpec[],
  input: Shape,
  placeOf: (i: number) => Place,
  groups: OrderGroups,
): Layer[] {
  const layers: Layer[] = []
  const resolve = (inner: readonly LayerSpec[], shape: Shape, innerPlaces: (i: number) => Place) =>
    resolveLayers(inner, shape, innerPlaces, groups)
  specs.forEach((spec, i) => {
    layers.push(...kindOf(KINDS, spec.type).resolve(spec, lastShape(layers, input), placeOf(i), { groups, resolve }))
  })
  return layers
}

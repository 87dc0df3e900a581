import { kindOf, readKind } from '../kinds.js'
import type { Layer } from '../layers/layer.js'
import type { OrderGroups, Shape } from '../shapes.js'
import type { LatentSpec } from '../spec.js'
import { deterministic } from './deterministic.js'
import { gaussian } from './gaussian.js'
import type { LatentKind, LayeredLatent } from './latent.js'
import { vectorQuantized } from './vector-quantized.js'
import { vonMisesFisher } from './von-mises-fisher.js'

/** Every kind of latent that a specification may name. */
const KINDS = [gaussian, vonMisesFisher, deterministic, vectorQuantized] as readonly LatentKind[]

/** Checks a latent's values, each on its own. @throws SpecError */
export function readLatent(value: unknown): LatentSpec {
  const { kind, fields } = readKind(KINDS, value, 'latent', 'latent', 'latent type')
  return kind.read(fields)
}

/** The latent after the encoder's last shape, and the views that lead there. @throws SpecError where it does not fit */
export function resolveLatent(
  spec: LatentSpec,
  last: Shape,
  context: { groups: OrderGroups; layers: number },
): { views: Layer[]; latent: LayeredLatent } {
  return kindOf(KINDS, spec.type).resolve(spec, last, context)
}

import type { Vae } from '../src/index.js'
import { CodeViews } from './code-views.js'
import type { DataPair } from './data.js'
import { LatentViews } from './latent-views.js'
import type { Views } from './views.js'

/** The views that suit a model. */
export function viewsOf(vae: Vae, data: DataPair): Views {
  return vae.spec.latent.type === 'vector-quantized' ? new CodeViews(vae, data) : new LatentViews(vae, data)
}

import type { Optimizer } from '../ops/update.js'
import { adam, rmsprop } from './optimizers.js'

/** The optimiser and batch size that go with a preset. */
export interface Recipe {
  optimizer: Optimizer
  batchSize: number
}

/** By preset. */
export const recipes = {
  /** Keras's RMSprop settings. */
  mlp: { optimizer: rmsprop({ learningRate: 1e-3, rho: 0.9, epsilon: 1e-7 }), batchSize: 100 },
  mlpDeep: { optimizer: adam({ learningRate: 1e-3 }), batchSize: 100 },
  conv: { optimizer: rmsprop({ learningRate: 1e-3, rho: 0.9, epsilon: 1e-7 }), batchSize: 256 },
  conditional: { optimizer: adam({ learningRate: 1e-3 }), batchSize: 64 },
  vectorQuantized: { optimizer: adam({ learningRate: 2e-4 }), batchSize: 128 },
  autoencoder: { optimizer: adam({ learningRate: 1e-3 }), batchSize: 128 },
  vaeGan: { optimizer: rmsprop({ learningRate: 1e-4 }), batchSize: 64 },
  sphere: { optimizer: adam({ learningRate: 1e-3 }), batchSize: 64 },
  semiSupervised: { optimizer: adam({ learningRate: 3e-4 }), batchSize: 200 },
  draw: { optimizer: adam({ learningRate: 1e-3 }), batchSize: 128 },
} satisfies Record<string, Recipe>

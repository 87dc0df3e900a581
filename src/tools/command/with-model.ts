import type { Vae } from '../../index.js'
import { createEngine } from '../../node.js'
import type { Given } from '../arguments.mjs'
import { adapterNames } from '../train/options.js'
import type { Opened } from './open-model.js'
import { chooseSoftware } from './software.js'

/** Options of every command that computes with a model. */
export const ADAPTER_OPTION = 'adapter'
export const adapterUsage = `  --adapter NAME        default: the GPU, or a software driver where there is none; software: always that`

/** Puts a model onto the GPU for as long as `use` takes. @throws UnsupportedError that says what to install */
export async function withModel<T>({ bytes }: Opened, given: Given, use: (vae: Vae) => Promise<T>): Promise<T> {
  if (given.oneOf(ADAPTER_OPTION, adapterNames) === 'software') chooseSoftware()
  const engine = await createEngine()
  try {
    return await use(await engine.load(bytes))
  } finally {
    engine.destroy()
  }
}

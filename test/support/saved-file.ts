import { CHECKSUM_KEY, tensorChecksum, writeSafetensors } from '../../src/formats/safetensors.js'
import { checkSpec } from '../../src/model/check.js'
import { initialParameters } from '../../src/model/parameters.js'
import type { VaeSpec } from '../../src/model/spec.js'

/** A file as `save` writes it of a model that has not been trained, made without a GPU. */
export function savedFile(spec: VaeSpec, seed: number): Uint8Array {
  const tensors = initialParameters(checkSpec(spec).parameters(), seed)
  const metadata = { 'elbo.format': '1', 'elbo.spec': JSON.stringify(spec), 'elbo.seed': JSON.stringify(seed) }
  return writeSafetensors(tensors, { ...metadata, [CHECKSUM_KEY]: tensorChecksum(tensors, metadata) })
}

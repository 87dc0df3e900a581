import { tensorChecksum, writeSafetensors } from '../../src/formats/safetensors.js'
import type { VaeSpec } from '../../src/index.js'
import type { Tensor } from '../../src/tensor.js'
import { exampleOf } from './example.js'

/** A saved model of that specification, with drawn parameters. */
export function savedExample(spec: VaeSpec): Uint8Array {
  const { parameters } = exampleOf(spec, 1)
  const { tensors, ...codebook } = spec.latent.type === 'vector-quantized' ? unused(spec.latent) : { tensors: {} }
  const metadata = { 'elbo.format': '1', 'elbo.spec': JSON.stringify(spec), 'elbo.seed': '0', ...codebook }
  const all = { ...parameters, ...tensors }
  return writeSafetensors(all, { ...metadata, 'elbo.checksum': tensorChecksum(all, metadata) })
}

/** What a file says of a code book that training has not used yet. */
function unused({ codes, size }: { codes: number; size: number }) {
  const none = Array<number>(codes).fill(0)
  const tensors: Record<string, Tensor> = {
    'codebook.count': { shape: [codes], data: new Float32Array(codes) },
    'codebook.mean': { shape: [codes, size], data: new Float32Array(codes * size) },
  }
  return { tensors, 'elbo.usage': JSON.stringify({ epoch: none, previous: none }) }
}

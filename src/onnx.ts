import type { OwnBytes } from './arrays.js'
import { readName, readOptions } from './checks.js'
import { onnxFile, PARTS, type Part } from './export/onnx/parts.js'
import type { VaeSpec } from './model/spec.js'
import type { Tensor } from './tensor.js'

/** What is exported of a model: a `Vae`, or its specification and parameters. */
export interface ExportableModel {
  readonly spec: VaeSpec
  parameters(): Promise<Record<string, Tensor>>
}

/** What to export. */
export interface OnnxOptions {
  /**
   * What `vae.encode` (`'encoder'`), `vae.decode` (`'decoder'`), `vae.reconstruct` (`'reconstruct'`) or `vae.classify`
   * (`'classifier'`) computes.
   */
  part: Part
}

/**
 * A model, as it is now, as an ONNX file: operator set 17, any number of rows at a time. Inputs and outputs have the
 * names and shapes of the call that the part stands for:
 *
 * - `images` float `[batch, height, width, channels]`; `labels` int64 `[batch]`, of a conditional model only;
 *   `latents` float `[batch, latent]`, of a recurrent model `[batch, steps, latent]`; `codes` int64
 *   `[batch, height, width]` in their place, of a vector-quantised model.
 * - The encoder's outputs are those of `vae.encode`: `mean`, and `logVariance`, `cholesky`, `concentration` or `codes`
 *   (int64). The decoder gives `images`, `reconstruct` gives `reconstruction`, the classifier `probabilities`.
 *
 * Nothing is drawn: `reconstruct` decodes the posterior's mean. The metadata have the specification (`elbo.spec`) and
 * the part (`elbo.part`). A trained prior over codes is no part of it.
 * @throws SpecError for a part that there is not; FormatError for a model whose parameters fill 2 GiB, more than an
 * ONNX file holds
 */
export async function exportOnnx(model: ExportableModel, options: OnnxOptions): Promise<OwnBytes> {
  const { part } = readOptions<OnnxOptions>(options, 'exportOnnx', { part: true })
  const known = readName(part, 'exportOnnx.part', 'part', PARTS)
  return onnxFile(model.spec, await model.parameters(), known)
}

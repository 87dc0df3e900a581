import { programsOf } from './export/pytorch/folder.js'
import type { VaeSpec } from './model/spec.js'

/** What goes on in PyTorch: a `Vae`, or its specification and saved file. */
export interface SavableModel {
  readonly spec: VaeSpec
  save(): Promise<Uint8Array>
}

/**
 * A model, as it is now, with programs that go on with it in PyTorch: the files of a folder by their names.
 *
 * - `model.safetensors` is what `vae.save` gives: parameters under PyTorch's names and, after training, the optimiser's
 *   moments, its schedule, and the counts of steps and epochs.
 * - `model.py` is the model as a `torch.nn.Module`, written for its specification alone.
 * - `train.py` goes on with the training, alone or under `torchrun` on many machines, and writes a file that
 *   `engine.load` takes; `files.py` reads and writes such files, and data sets. They need PyTorch 1.13 or later and NumPy.
 *
 * A trained prior over codes stays in the file as it is; PyTorch does not train it.
 */
export async function exportPytorch(model: SavableModel): Promise<Record<string, Uint8Array>> {
  const programs = Object.entries(programsOf(model.spec)).map(([name, text]): [string, Uint8Array] => {
    return [name, new TextEncoder().encode(text)]
  })
  return { 'model.safetensors': await model.save(), ...Object.fromEntries(programs) }
}

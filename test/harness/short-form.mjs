// @ts-check
// What `npm test` runs on the other implementations of WebGPU, besides everything on Chrome's: each kernel once, models
// against PyTorch, runs that are paused, resumed and stopped, a lost device.

/** @typedef {import('./test-file.mjs').TestFile} TestFile */

/** The beginnings of `suite › test`, by file. @type {Record<string, string[]>} */
export const shortFormTests = {
  'model/pytorch': ['model › dense has', 'model › conv-residual has'],
  'model/pytorch-kinds': ['kinds of models › quantized has', 'kinds of models › conditional-conv has'],
  'model/pytorch-presets': ['preset › mlp has', 'preset › conditional has'],
  'model/pytorch-spheres': ['sphere like PyTorch › sphere has'],
  'model/pytorch-vae-gan': ['VAE-GAN › dense: three'],
  'model/pytorch-runs': ['optimizer › three steps'],
  'model/runs': ['events › count steps', 'control › a run that is paused, resumed and stopped'],
  'faults/device': ['a lost device › while idle'],
}

/** Of these the first test of every suite: each kernel once, and what kernels are built on. */
export const oncePerSuite = ['kernels/every', 'kernels/threefry']

/**
 * The files of the short form, with what runs of them.
 *
 * @param {TestFile[]} files
 * @returns {TestFile[]}
 * @throws when one is not there
 */
export function shortForm(files) {
  const kernels = files.filter(({ name }) => oncePerSuite.includes(name))
  const named = Object.entries(shortFormTests).map(([name, starts]) => {
    const file = files.find((candidate) => candidate.name === name)
    if (!file) throw new Error(`the short form names ${name}, which is not there`)
    return part(file, starts)
  })
  return [...kernels.map((file) => part(file, 'first')), ...named]
}

/** @param {TestFile} file @param {'first' | string[]} tests @returns {TestFile} */
function part(file, tests) {
  return { ...file, selection: { suiteFilter: '', tests } }
}

// Runs in a page, for test/support/engine-page.ts.
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors.js'
import { createEngine, type Tensor, type Vae, type VaeSpec } from '../../src/index.js'
import { exportOnnx } from '../../src/onnx.js'
import { formulaBatch } from '../fixtures.js'
import type { Asked, Answer } from './engine-page.js'

const engine = createEngine({ tuning: 'off' })

Object.assign(window, { answer })

async function answer({ spec, tensors, file, parts = [], training, losses }: Asked): Promise<Answer> {
  const given = tensors ? readSafetensors(fromBase64(tensors)).tensors : {}
  const vae = file ? await (await engine).load(fromBase64(file)) : await withParameters(spec!, given)
  try {
    for (let step = 0; step < (training?.steps ?? 0); step++) {
      await vae.step(formulaBatch(vae.spec, training!.batch, step), training!.optimizer)
    }
    const outputs = losses ? await lossesOf(vae, given) : await outputsOf(vae, given)
    const onnx: Record<string, string> = {}
    for (const part of parts) onnx[part] = toBase64(await exportOnnx(vae, { part }))
    return { outputs: toBase64(writeSafetensors(outputs)), onnx, file: toBase64(await vae.save()) }
  } finally {
    vae.destroy()
  }
}

async function withParameters(spec: VaeSpec, given: Record<string, Tensor>): Promise<Vae> {
  const vae = await (await engine).createVae(spec)
  const own = Object.entries(given).filter(([name]) => name.startsWith('parameter.'))
  await vae.setParameters(Object.fromEntries(own.map(([name, tensor]) => [name.slice('parameter.'.length), tensor])))
  return vae
}

/** What the calls return of what was given. */
async function outputsOf(vae: Vae, { images, labels, latents }: Record<string, Tensor>) {
  const options = labelled(labels)
  const outputs: Record<string, Tensor> = {}
  if (latents) {
    const codes = { shape: latents.shape, data: Uint32Array.from(latents.data) }
    outputs.images = await vae.decode(vae.spec.latent.type === 'vector-quantized' ? codes : latents, options)
  }
  if (!images) return outputs
  const { codes, ...posterior } = await vae.encode(images, options)
  Object.assign(outputs, posterior)
  if (codes) outputs.codes = { shape: codes.shape, data: Float32Array.from(codes.data) }
  outputs.reconstruction = await vae.reconstruct(images, options)
  if (vae.spec.classifier) outputs.probabilities = await vae.classify(images)
  return outputs
}

/** The parts of the loss of a batch, and its gradients. */
async function lossesOf(vae: Vae, { images, labels, noise, prior }: Record<string, Tensor>) {
  const batch = { images, ...(noise && { noise }), ...(prior && { prior }), ...labelled(labels) }
  const { loss, gradients } = await vae.gradients(batch)
  const parts = Object.entries(loss).map(([part, value]): [string, Tensor] => {
    return [`loss.${part}`, { shape: [], data: Float32Array.of(value as number) }]
  })
  const named = Object.entries(gradients).map(([name, tensor]): [string, Tensor] => [`gradient.${name}`, tensor])
  return Object.fromEntries([...parts, ...named])
}

function labelled(labels: Tensor | undefined) {
  return labels && { labels: Uint8Array.from(labels.data) }
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}

function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
  return btoa(text)
}

// jax-js as its users write it: a pure function of parameters, moments and a batch that returns the new ones and the
// loss, compiled whole by `jit`. Every array is consumed by its use; `.ref` keeps it.
import { defaultDevice, init, jit, lax, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax'
import type { Activation, LayerSpec, Padding, Tensor, VaeSpec } from '../../../src/index.js'
import type { Model, PlainOptimizer, Session } from './contestant.js'
import { permuted } from './layout.js'
import { Loop } from './loop.js'

type Parameters = Record<string, np.Array>

/** `step` counts the updates. */
type State = { parameters: Parameters; m: Parameters; v: Parameters; step: np.Array }

type Inputs = { x: np.Array; noise: np.Array; labels?: np.Array }

export async function open({ spec, optimizer, parameters, batches }: Model): Promise<Session> {
  const devices = await init('webgpu')
  if (!devices.includes('webgpu')) throw new Error('jax-js could not start its WebGPU backend')
  defaultDevice('webgpu')
  const inputs = batches.map(({ images, noise, labels }): Inputs => ({
    x: arrayOf(permuted(images, [0, 3, 1, 2])),
    noise: arrayOf(noise),
    ...(labels && { labels: oneHot(labels, spec.classes!) }),
  }))
  let state = initialState(optimizer, parameters)
  const update = jit((state: State, given: Inputs): [State, np.Array] => trainStep(spec, optimizer, state, given))
  const decoder = jit((parameters: Parameters, z: np.Array, ...labels: np.Array[]) =>
    nn.sigmoid(decode(spec, parameters, z, labels[0])),
  )
  const loop = new Loop<np.Array>(
    {
      update: (batch) => {
        const [next, loss] = update(state, tree.ref(inputs[batch]))
        state = next
        return loss
      },
      read: async (loss) => (await loss.ref.data())[0],
    },
    batches.length,
  )
  return {
    step: (batch) => loop.step(batch),
    settle: () => loop.settle(),
    train: (window) => loop.train(window),
    decode: async (latents) => {
      const own = Object.entries(state.parameters).filter(([name]) => name.startsWith('decoder.'))
      const labels = spec.classes === undefined ? [] : [oneHot(new Array(latents.shape[0]).fill(0), spec.classes)]
      const images = decoder(tree.ref(Object.fromEntries(own)), arrayOf(latents), ...labels)
      return (await images.data()) as Float32Array
    },
  }
}

/** The state after one update, and the loss before it. */
function trainStep(spec: VaeSpec, optimizer: PlainOptimizer, state: State, given: Inputs): [State, np.Array] {
  const loss = (parameters: Parameters) => lossOf(spec, parameters, given)
  const [value, gradients] = valueAndGrad(loss)(tree.ref(state.parameters))
  return [updated(optimizer, state, gradients), value]
}

/** Nats per image, averaged over the batch. */
function lossOf(spec: VaeSpec, parameters: Parameters, { x, noise, labels }: Inputs): np.Array {
  const batch = x.shape[0]
  const input = withLabels(spec, x.ref, labels?.ref)
  const features = forward(spec.encoder, 'encoder', parameters, input).reshape([batch, -1])
  const mean = dense(features.ref, parameters, 'latent.mean')
  const logVariance = dense(features, parameters, 'latent.log_variance')
  const z = mean.ref.add(np.exp(logVariance.ref.mul(0.5)).mul(noise))
  const logits = decode(spec, parameters, z, labels)
  const target = x.reshape(logits.shape)
  const tail = np.log1p(np.exp(np.abs(logits.ref).neg()))
  const reconstruction = nn.relu(logits.ref).sub(logits.mul(target)).add(tail).sum()
  const kl = np.exp(logVariance.ref).add(np.square(mean)).sub(logVariance).sub(1).sum()
  return reconstruction.add(kl.mul(0.5 * (spec.klWeight ?? 1))).div(batch)
}

/** A dense encoder's input is a vector. */
function withLabels({ encoder }: VaeSpec, x: np.Array, labels?: np.Array): np.Array {
  const input = encoder[0]?.type === 'dense' ? x.reshape([x.shape[0], -1]) : x
  if (!labels) return input
  if (input.shape.length !== 2) throw new Error('labels are only written for dense encoders here')
  return np.concatenate([input, labels], 1)
}

/** Logits. */
function decode({ decoder }: VaeSpec, parameters: Parameters, z: np.Array, labels?: np.Array): np.Array {
  return forward(decoder, 'decoder', parameters, labels ? np.concatenate([z, labels], 1) : z)
}

/** Images are (B, C, H, W), the order in which PyTorch flattens them. */
function forward(layers: LayerSpec[], path: string, parameters: Parameters, input: np.Array): np.Array {
  return layers.reduce((x, layer, i) => {
    const name = `${path}.${i}`
    switch (layer.type) {
      case 'dense':
        return activate(dense(x.reshape([x.shape[0], -1]), parameters, name), layer.activation)
      case 'conv': {
        const stride = layer.stride ?? 1
        const y = lax.conv(x, parameters[`${name}.weight`], [stride, stride], padding(layer.padding))
        return activate(y.add(parameters[`${name}.bias`].reshape([-1, 1, 1])), layer.activation)
      }
      case 'conv-transpose': {
        const stride = layer.stride ?? 1
        const options = { transposeKernel: true }
        const weight = parameters[`${name}.weight`]
        const y = lax.convTranspose(x, weight, [stride, stride], padding(layer.padding), options)
        return activate(y.add(parameters[`${name}.bias`].reshape([-1, 1, 1])), layer.activation)
      }
      case 'flatten':
        return x.reshape([x.shape[0], -1])
      case 'reshape': {
        const [h, w, c] = layer.shape
        return x.reshape([x.shape[0], c, h, w])
      }
      default:
        throw new Error(`${layer.type} layers are not written here`)
    }
  }, input)
}

function dense(x: np.Array, parameters: Parameters, name: string): np.Array {
  return np.dot(x, parameters[`${name}.weight`]).add(parameters[`${name}.bias`])
}

function activate(x: np.Array, activation: Activation = 'linear'): np.Array {
  switch (activation) {
    case 'linear':
      return x
    case 'leaky-relu':
      return nn.leakyRelu(x, 0.2)
    case 'tanh':
      return np.tanh(x)
    case 'relu':
    case 'sigmoid':
      return nn[activation](x)
    default:
      throw new Error(`${activation} is not written here`)
  }
}

function padding(padding: Padding = 'same'): 'SAME' {
  if (padding !== 'same') throw new Error('only "same" padding is written here')
  return 'SAME'
}

function initialState({ type }: PlainOptimizer, parameters: Record<string, Tensor>): State {
  const entries = Object.entries(parameters).map(([name, tensor]) => {
    return [name, arrayOf(tensor.shape.length === 2 ? permuted(tensor, [1, 0]) : tensor)] as const
  })
  const values = Object.fromEntries(entries)
  const zeros = (): Parameters => tree.map(np.zerosLike, tree.ref(values))
  return {
    parameters: values,
    m: type === 'adam' ? zeros() : {},
    v: zeros(),
    step: np.array(new Float32Array([0]), { shape: [] }),
  }
}

function updated(optimizer: PlainOptimizer, { parameters, m, v, step }: State, gradients: Parameters): State {
  const { learningRate, epsilon } = optimizer
  const next = step.add(1)
  const moment = (old: Parameters, decay: number, of: (g: np.Array) => np.Array): Parameters =>
    tree.map((old, g) => old.mul(decay).add(of(g).mul(1 - decay)), old, tree.ref(gradients))
  if (optimizer.type === 'rmsprop') {
    const squares = moment(v, optimizer.rho, np.square)
    const moved = tree.map(
      (p, g, v) => p.sub(g.mul(learningRate).div(np.sqrt(v).add(epsilon))),
      parameters, gradients, tree.ref(squares),
    )
    return { parameters: moved, m, v: squares, step: next }
  }
  const { beta1, beta2 } = optimizer
  const means = moment(m, beta1, (g) => g)
  const squares = moment(v, beta2, np.square)
  tree.dispose(gradients)
  /** 1 − βᵗ */
  const bias = (beta: number) => np.exp(next.ref.mul(Math.log(beta))).neg().add(1)
  const rate = np.array(learningRate).div(bias(beta1))
  const root = np.sqrt(bias(beta2))
  const moved = tree.map(
    (p, m, v) => p.sub(m.mul(rate.ref).div(np.sqrt(v).div(root.ref).add(epsilon))),
    parameters, tree.ref(means), tree.ref(squares),
  )
  tree.dispose([rate, root])
  return { parameters: moved, m: means, v: squares, step: next }
}

function arrayOf({ shape, data }: Tensor): np.Array {
  return np.array(data as Float32Array<ArrayBuffer>, { shape: [...shape] })
}

function oneHot(labels: number[], classes: number): np.Array {
  return nn.oneHot(np.array(new Int32Array(labels), { shape: [labels.length] }), classes)
}

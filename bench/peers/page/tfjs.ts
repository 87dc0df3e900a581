// TensorFlow.js as its users write it: core operations (fused where there are fused ones) on variables, an optimiser's
// `minimize`, tensors that stay on the GPU.
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-core/dist/register_all_gradients.js'
import '@tensorflow/tfjs-backend-webgpu'
import type { Activation, LayerSpec, Padding, Tensor, VaeSpec } from '../../../src/index.js'
import type { Model, PlainOptimizer, Session } from './contestant.js'
import { channelsLast } from './layout.js'
import { Loop } from './loop.js'

type Variables = Record<string, tf.Variable>

export async function open({ spec, optimizer, parameters, batches }: Model): Promise<Session> {
  if (!(await tf.setBackend('webgpu'))) throw new Error('TensorFlow.js could not start its WebGPU backend')
  await tf.ready()
  const variables = variablesOf(spec, parameters)
  const inputs = batches.map(({ images, noise, labels }) => ({
    x: tf.tensor(images.data, images.shape),
    noise: tf.tensor(noise.data, noise.shape),
    labels: labels && oneHot(labels, spec.classes!),
  }))
  const solver = solverOf(optimizer)
  const loop = new Loop<tf.Tensor>(
    {
      update: (batch) => {
        const { x, noise, labels } = inputs[batch]
        return solver.minimize(() => lossOf(spec, variables, x, noise, labels), true)!
      },
      read: async (loss) => (await loss.data())[0],
    },
    batches.length,
  )
  return {
    step: (batch) => loop.step(batch),
    settle: () => loop.settle(),
    train: (window) => loop.train(window),
    decode: async ({ data, shape }) => {
      const images = tf.tidy(() => {
        const z = tf.tensor(data, shape)
        const labels = spec.classes && oneHot(new Array<number>(shape[0]).fill(0), spec.classes)
        return tf.sigmoid(decode(spec, variables, z, labels || undefined))
      })
      const values = await images.data()
      images.dispose()
      return values
    },
  }
}

/** Nats per image, averaged over the batch. */
function lossOf(spec: VaeSpec, variables: Variables, x: tf.Tensor, noise: tf.Tensor, labels?: tf.Tensor): tf.Tensor {
  const batch = x.shape[0]
  const encoded = forward(spec.encoder, 'encoder', variables, withLabels(spec, x, labels))
  const features = tf.reshape(encoded, [batch, -1])
  const mean = dense(features, variables, 'latent.mean')
  const logVariance = dense(features, variables, 'latent.log_variance')
  const z = tf.add(mean, tf.mul(tf.exp(tf.mul(logVariance, 0.5)), noise))
  const logits = decode(spec, variables, z, labels)
  const target = tf.reshape(x, logits.shape)
  const reconstruction = tf.losses.sigmoidCrossEntropy(target, logits, undefined, undefined, tf.Reduction.SUM)
  const kl = tf.sum(tf.sub(tf.add(tf.exp(logVariance), tf.square(mean)), tf.add(logVariance, 1)))
  return tf.div(tf.add(reconstruction, tf.mul(kl, 0.5 * (spec.klWeight ?? 1))), batch)
}

/** A dense encoder's input is a vector. */
function withLabels({ encoder, classes }: VaeSpec, x: tf.Tensor, labels?: tf.Tensor): tf.Tensor {
  const input = encoder[0]?.type === 'dense' ? tf.reshape(x, [x.shape[0], -1]) : x
  if (classes === undefined) return input
  if (input.rank !== 2) throw new Error('labels are only written for dense encoders here')
  return tf.concat([input, labels!], 1)
}

/** Logits. */
function decode({ decoder }: VaeSpec, variables: Variables, z: tf.Tensor, labels?: tf.Tensor): tf.Tensor {
  return forward(decoder, 'decoder', variables, labels ? tf.concat([z, labels], 1) : z)
}

function forward(layers: LayerSpec[], path: string, variables: Variables, input: tf.Tensor): tf.Tensor {
  return layers.reduce((x, layer, i) => {
    const name = `${path}.${i}`
    switch (layer.type) {
      case 'dense':
        return dense(tf.reshape(x, [x.shape[0], -1]), variables, name, layer.activation)
      case 'conv':
        return tf.fused.conv2d({
          x: x,
          filter: variables[`${name}.weight`],
          bias: variables[`${name}.bias`],
          strides: layer.stride ?? 1,
          pad: padding(layer.padding),
          ...fusedActivation(layer.activation),
        })
      case 'conv-transpose': {
        const stride = layer.stride ?? 1
        const [B, H, W] = x.shape
        const filter = variables[`${name}.weight`]
        const shape: [number, number, number, number] = [B, H * stride, W * stride, layer.filters]
        const y = tf.conv2dTranspose(x, filter, shape, stride, padding(layer.padding))
        return activate(tf.add(y, variables[`${name}.bias`]), layer.activation)
      }
      case 'flatten':
        return tf.reshape(x, [x.shape[0], -1])
      case 'reshape':
        return tf.reshape(x, [x.shape[0], ...layer.shape])
      default:
        throw new Error(`${layer.type} layers are not written here`)
    }
  }, input)
}

function dense(x: tf.Tensor, variables: Variables, name: string, activation?: Activation): tf.Tensor {
  return tf.fused.matMul({
    a: x,
    b: variables[`${name}.weight`],
    bias: variables[`${name}.bias`],
    ...fusedActivation(activation),
  })
}

function fusedActivation(activation: Activation = 'linear') {
  return { activation: activation === 'leaky-relu' ? 'leakyrelu' : activation, leakyreluAlpha: 0.2 }
}

function activate(x: tf.Tensor, activation: Activation = 'linear'): tf.Tensor {
  switch (activation) {
    case 'linear':
      return x
    case 'leaky-relu':
      return tf.leakyRelu(x, 0.2)
    case 'relu':
    case 'tanh':
    case 'sigmoid':
      return tf[activation](x)
    default:
      throw new Error(`${activation} is not written here`)
  }
}

function padding(padding: Padding = 'same'): 'same' {
  if (padding !== 'same') throw new Error('only "same" padding is written here')
  return padding
}

function oneHot(labels: number[], classes: number): tf.Tensor {
  return tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), classes), 'float32'))
}

/** TensorFlow.js adds RMSprop's ε under the root: its square comes closest to ε outside. */
function solverOf(optimizer: PlainOptimizer): tf.Optimizer {
  const { learningRate, epsilon } = optimizer
  return optimizer.type === 'rmsprop'
    ? tf.train.rmsprop(learningRate, optimizer.rho, 0, epsilon ** 2)
    : tf.train.adam(learningRate, optimizer.beta1, optimizer.beta2, epsilon)
}

function variablesOf(spec: VaeSpec, parameters: Record<string, Tensor>): Variables {
  const entries = Object.entries(channelsLast(spec, parameters)).map(
    ([name, { shape, data }]) => [name, tf.variable(tf.tensor(data, shape), true, name)] as const,
  )
  return Object.fromEntries(entries)
}

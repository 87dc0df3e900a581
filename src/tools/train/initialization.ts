import type { Tensor } from '../../index.js'
import { Random, STREAMS } from '../../random.js'

/**
 * Parameters of these names and shapes as PyTorch's dense and convolutional layers start them: weights and biases
 * uniform in ±1/√inputs, where the inputs are those of one output (`kaiming_uniform_` with a = √5 comes to that).
 */
export function pytorchParameters(like: Record<string, Tensor>, seed: number): Record<string, Tensor> {
  const drawn = Object.entries(like).map(([name, { shape, data }], position): [string, Tensor] => {
    const [, ...inputs] = like[name.replace(/bias$/, 'weight')].shape
    const bound = 1 / Math.sqrt(inputs.reduce((product, size) => product * size, 1))
    const random = new Random(seed, STREAMS.INIT, position)
    return [name, { shape, data: data.map(() => random.between(-bound, bound)) }]
  })
  return Object.fromEntries(drawn)
}

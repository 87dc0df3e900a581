import * as assert from 'uvu/assert'
import { ParameterArena } from '../../src/model/arena.js'
import { parameterCount } from '../../src/model/parameters.js'
import { PixelCnn } from '../../src/model/prior/pixel-cnn.js'
import { readPriorSpec } from '../../src/model/prior/prior-spec.js'
import { entropyOfCodes } from '../../src/train/set-codes.js'
import { adam, SpecError } from '../../src/index.js'
import { suite } from '../harness/suite.js'

const network = suite('the network of a prior')

const map = { kind: 'image', h: 8, w: 8, c: 1 } as const

/** Dispatches of a step of training, and of one drawn code. */
function dispatches(layers: number): { step: number; draw: number } {
  const prior = new PixelCnn(map, 512, readPriorSpec({ layers }, 'network'))
  const arena = new ParameterArena(prior)
  const set = { type: 'set' as const, count: 100, chunks: [{ first: 0, count: 100 }], floats: true }
  const training = { batch: 100, input: set, noise: 'drawn' as const, output: { update: adam() } }
  const drawing = { batch: 16, ...prior.least }
  const count = (request: Parameters<PixelCnn['compile']>[0]) => prior.compile(request, arena).plan.dispatches.length
  return { step: count(training), draw: count(drawing) }
}

network('takes the fewest dispatches a layer that its convolutions and gates allow', () => {
  const [two, three, six] = [dispatches(2), dispatches(3), dispatches(6)]
  assert.is(three.draw - two.draw, 6) // four convolutions and two gates
  assert.equal(six, { step: 133, draw: 39 }) // of the default network
})

network('has the parameters that its docs name, in PyTorch\'s shapes', () => {
  const prior = new PixelCnn(map, 512, { layers: 2, channels: 64, kernel: 5, classes: 10 })
  const shapes = Object.fromEntries(prior.parameters().map(({ name, shape }) => [name, shape.join(' ')]))
  assert.equal(shapes, {
    'prior.embedding.weight': '512 64',
    'prior.0.vertical.weight': '128 64 3 7',
    'prior.0.vertical.bias': '128',
    'prior.0.vertical.label.weight': '10 128',
    'prior.0.horizontal.weight': '128 64 1 3',
    'prior.0.horizontal.bias': '128',
    'prior.0.horizontal.label.weight': '10 128',
    'prior.0.down.weight': '128 128 1 1',
    'prior.0.down.bias': '128',
    'prior.0.out.weight': '64 64 1 1',
    'prior.0.out.bias': '64',
    'prior.1.vertical.weight': '128 64 3 5',
    'prior.1.vertical.bias': '128',
    'prior.1.horizontal.weight': '128 64 1 3',
    'prior.1.horizontal.bias': '128',
    'prior.1.horizontal.label.weight': '10 128',
    'prior.1.down.weight': '128 128 1 1',
    'prior.1.down.bias': '128',
    'prior.1.out.weight': '64 64 1 1',
    'prior.1.out.bias': '64',
    'prior.output.0.weight': '128 64 1 1',
    'prior.output.0.bias': '128',
    'prior.output.1.weight': '512 128 1 1',
    'prior.output.1.bias': '512',
  })
  assert.is(parameterCount(new PixelCnn(map, 512, readPriorSpec({}, 'network')).parameters()), 756_992)
})

network('keeps what is not said, and refuses what cannot be', () => {
  assert.equal(readPriorSpec(undefined, 'network'), { layers: 6, channels: 64, kernel: 3 })
  const before = { layers: 2, channels: 8, kernel: 5, classes: 3 }
  assert.equal(readPriorSpec({ channels: 9 }, 'network', before), { ...before, channels: 9 })
  for (const wrong of [{ kernel: 2 }, { layers: 0 }, { channels: 1.5 }, { classes: 256 }, { units: 3 }, [], 'large']) {
    assert.throws(() => readPriorSpec(wrong, 'network'), (error: Error) => error instanceof SpecError)
  }
})

network('codes that are alike cost nothing, four that are equally many two bits', () => {
  const entropy = (codes: number[]) => {
    return entropyOfCodes({ shape: [1, 1, 1], count: codes.length, images: Float32Array.from(codes) }, 5)
  }
  assert.is(entropy([3, 3, 3]), 0)
  assert.is(entropy([0, 1, 4, 3, 3, 4, 1, 0]), 2)
})

network.run()

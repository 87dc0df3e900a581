import { suite } from '../../harness/suite.js'
import { expectSurvival } from '../../support/interruptions.js'

const interruptions = suite('runs that are interrupted')

interruptions('go on to the same bits: 100 of the preset mlp', () => expectSurvival({ model: 'mlp', steps: 300 }, 100, 1))

interruptions('go on to the same bits: 20 of a small convolutional model', () =>
  expectSurvival({ model: 'conv', steps: 300 }, 20, 2))

interruptions.run()

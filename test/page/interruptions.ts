import { suite } from '../harness/suite.js'
import { expectSurvival } from '../support/interruptions.js'

const interruptions = suite('a run that is interrupted')

interruptions('goes on by itself or from the store to the same bits, whatever it was', () =>
  expectSurvival({ model: 'mlp', steps: 60 }, 4, 1))

interruptions.run()

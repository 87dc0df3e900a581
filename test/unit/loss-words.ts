import * as assert from 'uvu/assert'
import { presets } from '../../src/model/presets.js'
import { lossLine } from '../../src/tools/train/loss-words.js'
import { suite } from '../harness/suite.js'

const words = suite('train › the loss in words')

const loss = { total: 7, reconstruction: 4, kl: 1.5 }

words('is −ELBO with its parts, whatever the KL term weighs', () => {
  assert.is(lossLine(presets.mlp, loss), '−ELBO 5.50 nats per image = 4.00 reconstruction + 1.50 KL')
})

words('counts what is known of the label to −ELBO, but not the classification', () => {
  const given = { ...loss, label: 0.25, classification: 3 }
  assert.is(lossLine(presets.semiSupervised, given), '−ELBO 5.75 nats per image = 4.00 reconstruction + 1.50 KL + 0.25 label')
})

words('is no −ELBO where features or codes are compared', () => {
  assert.is(lossLine(presets.vaeGan, { ...loss, adversarial: 2 }), 'loss 7.00 nats per image, 2.00 of the discriminator')
  assert.is(lossLine(presets.vectorQuantized, { ...loss, kl: 0, quantization: 3 }), 'loss 7.00 nats per image')
})

words.run()

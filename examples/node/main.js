// Trains a variational autoencoder on drawn digits and keeps it in the folder "checkpoints"; called again, it goes on from
// there. Once: npm run build in the repository, npm install here. Then: npm start, or node main.js EPOCHS
import { adam, checkpointStore, createEngine, glyphs, presets } from 'elbo/node'

const epochs = Number(process.argv[2] ?? 3)
const engine = await createEngine()
console.log(`${engine.adapterInfo.description}${engine.isSoftware ? ', on the processor' : ''}`)

const store = checkpointStore('checkpoints')
const kept = await store.load()
const vae = kept ? await engine.load(kept) : await engine.createVae(presets.mlp, { seed: 7 })

const digits = glyphs({ count: 1000 })
const optimizer = adam({ learningRate: 1e-3 })
const run = vae.train(digits, { epochs, batchSize: 100, optimizer, checkpoint: { everySeconds: 30, store } })
for await (const { step, loss } of run) {
  if (step % 10 === 0) console.log(`step ${step}: ${loss.total.toFixed(1)} nats`)
}
await store.save(await vae.save())

const { shape } = await vae.sample(4)
console.log(`drew images of shape ${shape.join(' × ')}`)
engine.destroy()

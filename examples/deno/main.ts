// Trains a variational autoencoder that knows labels, and draws a digit of each kind into a picture, digits.pgm.
// Once: npm run build in the repository, npm install here. Then: deno run -A main.ts EPOCHS
import { adam, createEngine, glyphs, presets, type Tensor } from 'elbo'

const epochs = Number(Deno.args[0] ?? 3)
const engine = await createEngine() // Deno has WebGPU itself
console.log(`${engine.adapterInfo.description || 'a GPU'}${engine.isSoftware ? ', on the processor' : ''}`)

const vae = await engine.createVae(presets.conditional, { seed: 7 })
const run = vae.train(glyphs({ count: 1280 }), { epochs, batchSize: 64, optimizer: adam({ learningRate: 1e-3 }) })
for await (const { step, loss } of run) {
  if (step % 10 === 0) console.log(`step ${step}: ${loss.total.toFixed(1)} nats`)
}

const labels = Array.from({ length: 10 }, (_, digit) => digit)
await Deno.writeFile('digits.pgm', picture(await vae.sample(10, { labels, seed: 1 })))
console.log('wrote digits.pgm')
engine.destroy()

/** Images of one channel below each other, in the simplest format that there is: a header and a byte a pixel. */
function picture({ shape: [count, height, width], data }: Tensor): Uint8Array {
  const header = new TextEncoder().encode(`P5 ${width} ${count * height} 255\n`)
  return Uint8Array.from([...header, ...data.map((value) => Math.round(255 * value))])
}

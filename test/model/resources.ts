import * as assert from 'uvu/assert'
import { adam, createEngine, dataset, type Engine, presets, rmsprop, type Vae } from '../../src/index.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes } from '../reference/formula.js'
import { countObjects } from '../support/counting.js'
import { TINY, withEngine } from '../support/engine.js'
import { heapBytes, heapTest } from '../support/heap.js'

const resources = suite('resources')
const plans = suite('plan')

const data = dataset({ images: blobBytes(29, [4, 3, 1], 1), shape: [4, 3, 1] })

/** 3,000 steps, watched from step 500 to step 2,500. */
async function watched(vae: Vae, atStart: () => void, atEnd: () => void): Promise<void> {
  for await (const { step } of vae.train(data, { steps: 3000, batchSize: 8, reportEvery: 500, optimizer: adam() })) {
    if (step === 500) atStart()
    if (step === 2500) atEnd()
  }
}

gpuTest(resources, '2,000 steps make no buffer, bind group, pipeline or module', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY)
    const { counts, restore } = countObjects(device)
    let [start, end] = [{ ...counts }, { ...counts }]
    await watched(vae, () => (start = { ...counts }), () => (end = { ...counts }))
    restore()
    assert.ok(end.submissions > start.submissions, 'no submission was counted')
    for (const kind of ['buffers', 'bindGroups', 'pipelines', 'modules'] as const) {
      assert.is(end[kind] - start[kind], 0, `${end[kind] - start[kind]} ${kind}`)
    }
  }))

gpuTest(resources, 'two or three submissions are under way, never more', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY)
    const { counts, restore } = countObjects(device)
    await vae.train(data, { steps: 600, batchSize: 8 }).done
    restore()
    assert.ok(counts.mostAwaited === 2 || counts.mostAwaited === 3, `${counts.mostAwaited} were under way`)
  }))

heapTest(resources, '2,000 steps leave the JavaScript heap as it was', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY)
    const heaps: number[] = []
    for await (const { step } of vae.train(data, { steps: 2500, batchSize: 8, reportEvery: 500, optimizer: adam() })) {
      if (step % 500 === 0) heaps.push(heapBytes())
    }
    const grown = heaps.at(-1)! - heaps[0]
    // 64 bytes a step: less than any object that each step kept would take, with what it points to.
    assert.ok(grown < 2000 * 64, `the heap grew by ${grown} bytes, from ${heaps[0]}`)
  }))

gpuTest(resources, 'a second engine on the device compiles nothing anew', async ({ device }) => {
  const step = async (engine: Engine) => (await engine.createVae(TINY)).train(data, { steps: 1, batchSize: 8 }).done
  await withEngine(device, async (engine) => void (await step(engine)))
  const { counts, restore } = countObjects(device)
  await withEngine(device, async (engine) => void (await step(engine)))
  restore()
  assert.equal([counts.pipelines, counts.modules], [0, 0])
})

gpuTest(resources, 'destroy frees every buffer', async ({ device }) => {
  const { counts, restore } = countObjects(device)
  const engine = await createEngine({ device })
  for (const spec of [TINY, { ...TINY, klWeight: 2 }]) {
    const vae = await engine.createVae(spec)
    await vae.train(data, { steps: 9, batchSize: 8, validation: data }).done
    await vae.gradients({ images: new Float32Array(36) })
    await vae.sample(40)
    await (await engine.load(await vae.save())).evaluate(data)
  }
  const vae = await engine.createVae(TINY)
  await vae.sample(1)
  const alive = counts.buffers - counts.destroyedBuffers
  vae.destroy()
  vae.destroy()
  await new Promise((resolve) => setTimeout(resolve))
  assert.ok(counts.buffers - counts.destroyedBuffers < alive, 'destroying the model freed nothing')
  engine.destroy()
  await new Promise((resolve) => setTimeout(resolve))
  restore()
  assert.ok(counts.buffers > 20)
  assert.is(counts.destroyedBuffers, counts.buffers)
  assert.is(await Promise.race([device.lost, 'alive']), 'alive', 'the caller’s device was destroyed')
})

const dispatches: [name: keyof typeof presets, most: number][] = [['mlp', 14], ['mlpDeep', 24], ['conv', 36]]

for (const [name, most] of dispatches) {
  gpuTest(plans, `a step of ${name} takes at most ${most} dispatches`, ({ device }) =>
    withEngine(device, async (engine) => {
      const { length } = (await engine.createVae(presets[name])).plan.dispatches
      assert.ok(length <= most, `${length} dispatches`)
    }))
}

gpuTest(plans, 'prints itself as a table of dispatches', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(presets.mlp)
    const [head, ...lines] = String(vae.plan).split('\n')
    assert.equal(head.split(/\s+/).filter(Boolean), ['#', 'section', 'kernel', 'shape', 'MFLOP', 'bytes'])
    const { dispatches } = vae.plan
    const rows = lines.slice(0, dispatches.length).map((line) => line.trim().split(/\s+/))
    rows.forEach(([number, , kernel], i) => assert.equal([number, kernel], [String(i + 1), dispatches[i].kernel]))
    const sections = [...new Set(rows.map(([, section]) => section))]
    assert.equal(sections, ['gather', 'forward', 'backward', 'update'])
    assert.match(lines.at(-1)!, new RegExp(`^${dispatches.length} dispatches; activations share \\d+ buffers`))
  }))

gpuTest(plans, 'is that of the last training', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY)
    assert.match(vae.plan.dispatches.at(-1)!.shape, /adam$/)
    await vae.train(data, { steps: 1, batchSize: 29, optimizer: rmsprop() }).done
    assert.match(vae.plan.dispatches.at(-1)!.shape, /rmsprop$/)
    assert.match(vae.plan.dispatches[0].shape, /B32/)
  }))

const counts = { mlp: 404_244, mlpDeep: 1_189_984, conv: 550_629, autoencoder: 209_968 }

gpuTest(plans, 'parameterCount counts what is trained', ({ device }) =>
  withEngine(device, async (engine) => {
    for (const [name, count] of Object.entries(counts)) {
      const vae = await engine.createVae(presets[name as keyof typeof counts])
      assert.is(vae.parameterCount, count)
    }
    const tiny = await engine.createVae(TINY)
    const values = Object.values(await tiny.parameters()).reduce((sum, { data }) => sum + data.length, 0)
    assert.is(tiny.parameterCount, values)
  }))

resources.run()
plans.run()

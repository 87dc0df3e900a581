// The page that trains: fetches its job's images, hands back what `work` reports, the model and the pictures.
import { createEngine, dataset, ElboError, type Dataset, type Engine } from '../../index.js'
import type { Job } from './messages.js'
import { anomalyPicture } from './anomaly-picture.js'
import { codePicturesOf, picturesOf } from './pictures.js'
import { isDrawable } from './run-grids.js'
import { adapterName, work, type Stoppable } from './work.js'

let run: Stoppable | undefined
let stopping = false

globalThis.stopTraining = () => {
  stopping = true
  run?.stop().catch(() => {}) // told by whoever follows the run
}

globalThis.train = async (job) => {
  let engine: Engine | undefined
  try {
    engine = await createEngine({ powerPreference: 'high-performance' })
    if (engine.isSoftware && job.softwareRefusal) return { error: `${adapterName(engine)}: ${job.softwareRefusal}` }
    const [train, test] = [await downloadSet('train', job.data), await downloadSet('test', job.data)]
    return await work(engine, job, {
      train,
      test,
      resumed: job.resume ? await download('resume.safetensors') : undefined,
      codes: job.codes ? await download('codes.safetensors') : undefined,
      begun(begun) {
        run = begun
        if (stopping) stopTraining()
      },
      report,
      save: (file) => upload('model.safetensors', file as BodyInit),
      draw(vae, rows, about, brokeOff, { scores, coder }) {
        const pictures = coder ? codePicturesOf(vae, coder, test, rows, about) : picturesOf(vae, test, rows, about)
        const anomalies = scores && isDrawable(test) && {
          'anomalies.png': () => anomalyPicture(vae, test, scores, about),
        }
        return drawAll({ ...pictures, ...anomalies }, brokeOff)
      },
    })
  } catch (error) {
    if (error instanceof ElboError) return { error: error.message }
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  } finally {
    engine?.destroy()
  }
}

/** Hands the pictures back, and returns their names; a model that broke off may give no images any more. */
async function drawAll(pictures: Record<string, () => Promise<Blob>>, brokeOff: boolean): Promise<string[]> {
  const drawn: string[] = []
  for (const [name, draw] of Object.entries(pictures)) {
    try {
      await upload(name, await draw())
      drawn.push(name)
    } catch (error) {
      if (!brokeOff) throw error
    }
  }
  return drawn
}

async function downloadSet(name: 'train' | 'test', { shape, labels: labelled, real }: Job['data']): Promise<Dataset> {
  const images = await download(`${name}-images`)
  const labels = labelled ? await download(`${name}-labels`) : undefined
  return real ? dataset({ values: new Float32Array(images.buffer), shape, labels }) : dataset({ images, shape, labels })
}

async function download(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(name)
  if (!response.ok) throw new Error(`${name}: HTTP ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
}

async function upload(name: string, body: BodyInit): Promise<void> {
  const response = await fetch(name, { method: 'POST', body })
  if (!response.ok) throw new Error(`${name} could not be written: ${await response.text()}`)
}

import { createEngine, FormatError, recipes, type Engine, type Optimizer, type Run, type Vae } from '../src/index.js'
import type { DataPair } from './data.js'
import { Gallery } from './gallery.js'
import { Library, type Choice } from './library.js'
import type { Condition, NamedBytes, Point, Post } from './messages.js'
import { batchSizeOf, narrowFiltersOf, presetNames, presetOf, specOf } from './models.js'
import { defaults, type Settings } from './settings.js'
import { Tally } from './tally.js'
import { viewsOf } from './views-of.js'

/** Longer than anyone watches. */
const endlessEpochs = 100_000
const progressEveryMs = 100
const longStepMs = 20

/** One model being taught: holds the engine, runs the training, has the pictures made. */
export class Session {
  private engine: Engine | undefined
  private readonly library = new Library()
  private data: DataPair | undefined
  private vae: Vae | undefined
  private gallery: Gallery | undefined
  private settings: Settings | undefined
  private optimizer: Optimizer | undefined
  private run: Run | undefined
  private following: Promise<void> | undefined
  private msPerStep = 0
  private step = 0
  private epoch = 0
  private conditioned: Condition = { label: 0, styleSeed: 0 }

  constructor(private readonly post: Post) {}

  /** A new model from its seed, learning at once. */
  async start(wanted: Settings, imagesAreNewer = wanted.data !== this.settings?.data): Promise<void> {
    this.post({ type: 'state', state: 'preparing' })
    const engine = await this.ensureEngine()
    const choice = this.library.choose(wanted, imagesAreNewer)
    await this.halt()
    const { preset, seed } = choice.settings
    await this.adopt(await engine.createVae(specOf(preset, engine.isSoftware), { seed }), choice)
    await this.resume()
  }

  async openFiles(files: NamedBytes[], settings: Settings): Promise<void> {
    await this.library.open(files)
    await this.start(settings, true)
  }

  /** A saved model, ready to look at or to go on learning. */
  async load(bytes: Uint8Array, settings: Settings): Promise<void> {
    this.post({ type: 'state', state: 'preparing' })
    const engine = await this.ensureEngine()
    const vae = await engine.load(bytes)
    try {
      const preset = presetOf(vae.spec)
      if (!preset) {
        throw new FormatError(`this file's model is none of ${presetNames.join(', ')}, which are all that this page can show`)
      }
      const rate = vae.optimizer?.learningRate
      const learningRate = typeof rate === 'number' ? rate : settings.learningRate
      const choice = this.library.choose({ ...settings, preset, learningRate }, false)
      await this.halt()
      await this.adopt(vae, choice)
    } catch (error) {
      if (vae !== this.vae) vae.destroy()
      throw error
    }
    this.postState()
  }

  async resume(): Promise<void> {
    if (this.run || !this.vae) return
    this.train({ epochs: endlessEpochs })
    this.postState()
  }

  async pause(): Promise<void> {
    await this.halt()
    this.postState()
    await this.gallery?.refresh()
  }

  async takeStep(): Promise<void> {
    if (!this.vae) return
    await this.halt()
    this.train({ steps: 1 })
    await this.following
    this.postState()
    await this.gallery?.refresh()
  }

  /** Goes on with another learning rate or KL weight. */
  async adjust(learningRate: number, klWeight: number): Promise<void> {
    if (!this.settings || !this.optimizer) return
    const learning = this.run !== undefined
    await this.halt()
    this.optimizer = { ...this.optimizer, learningRate }
    this.settings = { ...this.settings, learningRate, klWeight }
    if (learning) await this.resume()
  }

  async save(): Promise<void> {
    if (!this.vae) return
    const bytes = await this.vae.save()
    this.post({ type: 'saved', bytes, step: this.step }, [bytes.buffer])
  }

  /** Lets training wait where its steps are so long that a dragged picture could not follow the pointer. */
  hold(on: boolean): void {
    if (!on) this.run?.resume()
    else if (this.msPerStep > longStepMs) this.run?.pause()
  }

  probe(at: Point): void {
    this.gallery?.probe(at)
  }

  condition(condition: Condition): void {
    this.conditioned = condition
    this.gallery?.condition(condition)
  }

  place(pixels: Float32Array | undefined): void {
    this.gallery?.place(pixels)
  }

  /** Says in words what went wrong. */
  readonly report = (error: unknown): void => {
    const { code = 'unexpected', message = String(error) } = error as { code?: string; message?: string }
    this.post({ type: 'problem', code, message, settings: this.vae && this.settings })
    this.postState()
  }

  private postState(): void {
    this.post({ type: 'state', state: this.run ? 'learning' : this.vae ? 'paused' : 'stopped' })
  }

  /** Takes the place of the model before, with pictures of its own. */
  private async adopt(vae: Vae, { settings, data, notice }: Choice): Promise<void> {
    await this.gallery?.close()
    this.vae?.destroy()
    this.vae = vae
    this.data = data
    this.settings = settings
    this.optimizer = vae.optimizer ?? { ...recipes[settings.preset].optimizer, learningRate: settings.learningRate }
    this.step = this.epoch = this.msPerStep = 0
    const views = viewsOf(vae, data)
    views.condition(this.conditioned)
    this.gallery = new Gallery(views, this.post, this.report)
    this.post({ type: 'model', model: { ...this.describe(vae, data, settings), ...views.describe() } })
    if (notice) this.post({ type: 'notice', message: notice })
    void this.gallery.refresh()
  }

  private describe({ spec, parameterCount }: Vae, { name, train, test }: DataPair, settings: Settings) {
    return {
      settings,
      batchSize: this.batchSize,
      shape: test.shape,
      latent: spec.latent.type,
      latentSize: spec.latent.size,
      classes: spec.classes,
      narrowFilters: narrowFiltersOf(spec),
      parameterCount,
      dataName: name,
      trainCount: train.count,
      testCount: test.count,
    }
  }

  private get batchSize(): number {
    return batchSizeOf((this.settings ?? defaults).preset, this.engine?.isSoftware ?? false)
  }

  private async ensureEngine(): Promise<Engine> {
    if (this.engine) return this.engine
    const engine = await createEngine({ powerPreference: 'high-performance' })
    this.engine = engine
    const { description, vendor, architecture } = engine.adapterInfo
    const adapter = description || [vendor, architecture].filter(Boolean).join(' ') || 'an unnamed adapter'
    this.post({ type: 'engine', adapter, software: engine.isSoftware })
    void engine.lost.then((error) => {
      if (this.engine !== engine) return
      void this.gallery?.close()
      this.engine = this.vae = this.gallery = this.run = undefined
      this.report(error)
    })
    return engine
  }

  private train(length: { epochs: number } | { steps: number }): void {
    const { vae, data, settings } = this
    if (!vae || !data || !settings) return
    const { batchSize } = this
    this.run = vae.train(data.train, {
      ...length,
      batchSize,
      optimizer: this.optimizer,
      klWeight: settings.klWeight,
      validation: data.test,
    })
    this.following = this.follow(this.run).catch(this.report)
  }

  private async halt(): Promise<void> {
    const { run } = this
    if (!run) return
    await run.stop().catch(() => undefined)
    await this.following
  }

  /** Tells of the training while it goes on. Pictures are made between its steps and never waited for. */
  private async follow(run: Run): Promise<void> {
    const begun = performance.now()
    const { batchSize } = this
    let tally = new Tally(this.step, begun)
    try {
      for await (const event of run) {
        if (event.type === 'recovered') {
          this.tellRecovery(event.lostSteps!)
          continue
        }
        const now = performance.now()
        this.step = event.step
        this.epoch = event.epoch
        this.msPerStep = (1000 * batchSize) / event.imagesPerSecond
        tally.add(event, this.step, this.epoch)
        if (now - tally.begunMs >= progressEveryMs) {
          this.post({ type: 'progress', progress: tally.progress(batchSize) })
          tally = new Tally(this.step, now)
        }
        this.gallery?.refreshWhenDue()
      }
      if (!tally.empty) this.post({ type: 'progress', progress: tally.progress(batchSize) })
    } finally {
      if (this.run === run) this.run = undefined
    }
  }

  private tellRecovery(lostSteps: number): void {
    const steps = `${lostSteps} ${lostSteps === 1 ? 'step' : 'steps'}`
    const message = `The GPU device was lost. Learning goes on on another one, ${steps} further back.`
    this.post({ type: 'notice', message })
  }
}

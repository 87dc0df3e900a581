import { Latest } from './latest.js'
import type { Condition, Point, Post } from './messages.js'
import type { Views } from './views.js'

/** Pictures may take this share of the time, and come this often at most: often while much changes, then calmly. */
const pictureShare = 0.12
const earlyMs = 20_000
const earlyPauseMs = 250
const latePauseMs = 600
/** Also a slow device shows something every so often. */
const longestPauseMs = 4_000

/** Keeps the page's pictures of one model up to date without holding up its training. */
export class Gallery {
  private readonly begunMs = performance.now()
  private nextMs = 0
  private probeAt: Point | undefined
  private placed: Float32Array | undefined
  private closed = false
  private readonly refreshing = new Latest(() => this.postPictures())
  private readonly probing = new Latest(() => this.postProbe())
  private readonly landing = new Latest(() => this.postLanding())

  constructor(
    private readonly views: Views,
    private readonly post: Post,
    private readonly report: (error: unknown) => void,
  ) {}

  /** Follows a point of the plane: now, and with every new set of pictures. */
  probe(at: Point): void {
    this.probeAt = at
    this.probing.ask().catch(this.fail)
  }

  /** Follows an image: where it lands and what it turns into. */
  place(pixels: Float32Array | undefined): void {
    this.placed = pixels
    this.landing.ask().catch(this.fail)
  }

  /** Another class to probe and to place in, or other styles. */
  condition(condition: Condition): void {
    this.views.condition(condition)
    this.probing.ask().catch(this.fail)
    this.landing.ask().catch(this.fail)
    void this.refresh()
  }

  /** To be called whenever the model may have changed: makes new pictures if it is time, and nobody need wait. */
  refreshWhenDue(): void {
    if (performance.now() >= this.nextMs) void this.refresh()
  }

  /** All pictures anew. */
  refresh(): Promise<void> {
    return this.refreshing.ask().catch(this.fail)
  }

  /** No more pictures; resolves once none is being made. */
  async close(): Promise<void> {
    this.closed = true
    this.nextMs = Infinity
    await Promise.all([this.refreshing.idle(), this.probing.idle(), this.landing.idle()])
  }

  private async postPictures(): Promise<void> {
    if (this.closed) return
    const first = this.nextMs === 0
    const begunMs = performance.now()
    this.nextMs = Infinity
    try {
      const pictures = await this.views.pictures()
      const { reconstructions, grid, points } = pictures
      this.post({ type: 'pictures', pictures }, [reconstructions.buffer, grid.buffer, points.buffer])
      await this.landing.ask()
      await this.probing.ask()
    } finally {
      const now = performance.now()
      const least = now - this.begunMs < earlyMs ? earlyPauseMs : latePauseMs
      const fair = (now - begunMs) * (1 / pictureShare - 1)
      // The first time also compiled the kernels, which tells nothing of the next.
      const pauseMs = first ? least : Math.max(least, Math.min(fair, longestPauseMs))
      this.nextMs = this.closed ? Infinity : now + pauseMs
    }
  }

  private async postProbe(): Promise<void> {
    if (!this.probeAt || this.closed) return
    const probed = await this.views.probe(this.probeAt)
    if (probed) this.post({ type: 'probed', probed }, [probed.image.buffer])
  }

  private async postLanding(): Promise<void> {
    if (this.closed) return
    const landing = this.placed && (await this.views.land(this.placed))
    this.post({ type: 'landed', landing }, landing ? [landing.images.buffer] : [])
  }

  private readonly fail = (error: unknown): void => {
    if (!this.closed) this.report(error)
  }
}

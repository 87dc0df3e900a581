import type { Condition, Landing, ModelInfo, Pictures, Point, Probed } from './messages.js'

/** What the page sees of one model: computed from its parameters of the moment, at any time during training. */
export interface Views {
  /** What is particular to the kind of model. */
  describe(): Pick<ModelInfo, 'grid' | 'gridColumns' | 'codes' | 'originals' | 'originalLabels' | 'labels'>
  condition(condition: Condition): void
  pictures(): Promise<Pictures>
  probe(at: Point): Promise<Probed | undefined>
  land(pixels: Float32Array): Promise<Landing>
}

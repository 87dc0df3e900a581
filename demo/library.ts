import { ElboError, presets, type VaeSpec } from '../src/index.js'
import { checkFit, colouredPair, filePair, glyphPair, type DataPair } from './data.js'
import type { NamedBytes } from './messages.js'
import { presetNames } from './models.js'
import type { Settings } from './settings.js'

/** Settings that go together, with their images. */
export interface Choice {
  settings: Settings
  data: DataPair
  /** What had to be chosen otherwise, and why. */
  notice?: string
}

/** The images there are: the built-in ones and the user's. */
export class Library {
  private builtIn: DataPair | undefined
  private opened: DataPair | undefined
  private readonly colouredPairs = new WeakMap<DataPair, DataPair>()

  async open(files: NamedBytes[]): Promise<void> {
    this.opened = await filePair(files)
  }

  /**
   * Images for a model. Where they do not go together, the newer choice stays: the images, with a model that can learn
   * them, or the model, with the built-in images.
   * @throws ShapeError, DataError where no model can learn the images
   */
  choose(wanted: Settings, imagesAreNewer: boolean): Choice {
    const data = this.pairFor(wanted, presets[wanted.preset])
    const problem = misfit(presets[wanted.preset], data)
    if (!problem) return { settings: wanted, data }
    if (!imagesAreNewer) {
      const settings: Settings = { ...wanted, data: 'glyphs' }
      const builtIn = this.pairFor(settings, presets[wanted.preset])
      return { settings, data: builtIn, notice: `Not with your files, but with glyphs: ${problem.message}.` }
    }
    for (const preset of presetNames) {
      const pair = this.pairFor(wanted, presets[preset])
      if (misfit(presets[preset], pair)) continue
      return { settings: { ...wanted, preset }, data: pair, notice: `${preset} learns these images: ${problem.message}.` }
    }
    throw problem
  }

  private pairFor({ data }: Settings, { input: [height, width, channels] }: VaeSpec): DataPair {
    const pair = data === 'files' && this.opened ? this.opened : (this.builtIn ??= glyphPair())
    const [imageHeight, imageWidth, imageChannels] = pair.train.shape
    if (channels !== 3 || imageChannels !== 1 || imageHeight > height || imageWidth > width) return pair
    const known = this.colouredPairs.get(pair) ?? colouredPair(pair)
    this.colouredPairs.set(pair, known)
    return known
  }
}

function misfit(spec: VaeSpec, data: DataPair): ElboError | undefined {
  try {
    checkFit(spec, data)
    return undefined
  } catch (error) {
    if (error instanceof ElboError) return error
    throw error
  }
}

import type { LatentType } from '../src/tools/drawing/curve.js'
import type { GridKind, ModelInfo } from './messages.js'

/** A sentence or two beside each picture, and what the loss and its parts are called. */
export interface Captions {
  total: string
  code: string
  loss: string
  inAndOut: string
  gridTitle: string
  grid: string
  planeTitle: string
  plane: string
  draw: string
}

function lossCaption(latent: LatentType): string {
  if (latent === 'deterministic') return 'Nats per image, to draw it given its code. Dots: test images.'
  if (latent === 'vector-quantized') {
    return (
      'Nats per image: to draw it given its codes, plus how far they are from what the encoder says. ' +
      'Perplexity: so many codes, used alike, would tell as much.'
    )
  }
  return 'Nats per image: those to draw it given its code, plus those for the code. Dots: test images.'
}

const gridTitles: Record<GridKind, string> = {
  manifold: 'Everything it can draw',
  samples: 'Dreams of the prior',
  interpolations: 'Between four images',
  styles: 'One style a row',
  codes: 'Codes drawn one by one',
}

export function captions(model: ModelInfo): Captions {
  const { grid, latent, codes } = model
  return {
    total: latent === 'deterministic' || codes ? 'loss' : '−ELBO',
    code: codes ? 'quantization' : 'KL',
    loss: lossCaption(latent),
    gridTitle: gridTitles[grid],
    ...(codes ? codeCaptions(model, codes) : latentCaptions(model)),
  }
}


type Told = Pick<Captions, 'inAndOut' | 'grid' | 'planeTitle' | 'plane' | 'draw'>

function latentCaptions({ grid, latent, latentSize, labels, classes, settings }: ModelInfo): Told {
  const through = latentSize === 2 ? 'two numbers' : `${latentSize} numbers`
  const [kind, plural] = settings.data === 'glyphs' ? ['digit', 'digits'] : ['class', 'classes']
  const grids: Record<GridKind, string> = {
    manifold:
      'Each tile is decoded from one point of the latent plane; the points are spaced so that all tiles are equally likely.',
    samples: `225 codes drawn from the prior, always the same ones, each decoded from ${through}.`,
    interpolations: 'The corners are four of the test images; every tile is decoded from the code that lies between theirs.',
    styles: `Each row is decoded from the same ${through}, drawn from the prior; each column is told its ${kind}. Choose one.`,
    codes: '',
  }
  const directions = `Test images along the two directions in which their ${latentSize} numbers differ most`
  if (classes !== undefined) {
    return {
      inAndOut: `Test images it never learns from and, below, what ${through} and the ${kind} keep of them. Click one to find it.`,
      grid: grids[grid],
      planeTitle: 'The plane of styles',
      plane: `Test images by the two directions that differ most; ${plural} mix. Drag to sweep the styles of the chosen one.`,
      draw: `The encoder is told the chosen ${kind} and keeps the style; the decoder draws all ${plural} in it.`,
    }
  }
  const places =
    latentSize > 2
      ? `${directions}.`
      : `Test images where the encoder puts them${labels ? '; it is never told the labels that colour them' : ''}.`
  const doubt = latent === 'gaussian' ? ', with an ellipse of doubt' : ''
  return {
    inAndOut: `Test images it never learns from and, below, what ${through} keep of them. Click one to find it on the plane.`,
    grid: grids[grid],
    planeTitle: 'The latent plane',
    plane: `${places} Drag to decode any point.`,
    draw: `The encoder marks where it lands${doubt}; the decoder draws what it saw in it.`,
  }
}

function codeCaptions({ narrowFilters }: ModelInfo, { count, height, width }: NonNullable<ModelInfo['codes']>): Told {
  const places = height * width
  const narrow = narrowFilters
    ? ` Without a graphics card the network is ${narrowFilters} channels wide, not the preset's 128.`
    : ''
  return {
    inAndOut: `Test images it never learns from and, below, what ${places} codes keep of them. Click one to see its codes.${narrow}`,
    grid:
      `25 images of ${places} codes, each drawn by itself, by how often training chose it: ` +
      'no prior is learned that knows how codes go together.',
    planeTitle: 'The map of codes',
    plane: `${height} × ${width} codes out of ${count}; the same colour is the same code.`,
    draw: 'Draw, or click a test image: the map shows its codes, the last picture what they keep.',
  }
}

export const unsupportedAdvice =
  'This page trains on the graphics card, through WebGPU. Open it in Chrome or Edge 113 or later, Safari 26 or ' +
  'Firefox 141, with "Use graphics acceleration" turned on; on Linux, Chrome may need ' +
  'chrome://flags/#enable-unsafe-webgpu and a Vulkan driver.'

export function softwareNote(adapter: string): string {
  return `No graphics card here: ${adapter} computes on the processor, some 10 to 100 times slower.`
}

export const softwareAdvice =
  'Turn on "Use graphics acceleration" in the browser\'s settings and update the graphics driver; ' +
  'on Linux start Chrome with --enable-unsafe-webgpu --enable-features=Vulkan.'

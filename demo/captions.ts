import type { GridKind, ModelInfo } from './messages.js'

export interface Captions {
  /** What the sum of the parts is called. */
  total: string
  inAndOut: string
  grid: string
  plane: string
  draw: string
}

export const lossCaption =
  'Nats per image: those to draw it given its code, plus those for the code. Dots: test images.'

export const gridTitles: Record<GridKind, string> = {
  manifold: 'Everything it can draw',
  samples: 'Dreams of the prior',
  interpolations: 'Between four images',
}

/** One sentence or two beside each picture. */
export function captions({ grid, gaussian, latentSize, labels }: ModelInfo): Captions {
  const through = latentSize === 2 ? 'two numbers' : `${latentSize} numbers`
  const grids: Record<GridKind, string> = {
    manifold:
      'Each tile is decoded from one point of the latent plane; the points are spaced so that all tiles are equally likely.',
    samples: `225 codes drawn from the prior, always the same ones, each decoded from ${through}.`,
    interpolations: 'The corners are four of the test images; every tile is decoded from the code that lies between theirs.',
  }
  const places =
    latentSize > 2
      ? `Test images along the two directions in which their ${latentSize} numbers differ most.`
      : `Test images where the encoder puts them${labels ? '; it is never told the labels that colour them' : ''}.`
  return {
    total: gaussian ? '−ELBO' : 'loss',
    inAndOut: `Test images it never learns from and, below, what ${through} keep of them. Click one to find it on the plane.`,
    grid: grids[grid],
    plane: `${places} Drag to decode any point.`,
    draw: `The encoder marks where it lands${gaussian ? ', with an ellipse of doubt' : ''}; the decoder draws what it understood.`,
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

import type { LatentType } from '../src/tools/drawing/curve.js'
import type { LatentGrid } from '../src/tools/drawing/grids.js'
import type { Learned } from '../src/tools/drawing/history.js'
import type { Settings } from './settings.js'

/** A point of the latent plane, in the plane's own units; on the map of codes a column and a row. */
export type Point = [x: number, y: number]

export interface NamedBytes {
  name: string
  bytes: Uint8Array
}

/** What the page asks of the worker. */
export type Request =
  | { type: 'start'; settings: Settings }
  | { type: 'files'; files: NamedBytes[]; settings: Settings }
  | { type: 'load'; bytes: Uint8Array; settings: Settings }
  | { type: 'resume' }
  | { type: 'pause' }
  | { type: 'step' }
  | { type: 'adjust'; learningRate: number; klWeight: number }
  | { type: 'save' }
  | { type: 'hold'; on: boolean }
  | { type: 'probe'; at: Point }
  | { type: 'place'; pixels: Float32Array | undefined }
  | { type: 'condition'; condition: Condition }

/** What a conditional model is asked for: the class of what is probed or placed, and which styles the grid shows. */
export interface Condition {
  label: number
  styleSeed: number
}

/** How the grid's pictures were chosen. */
export type GridKind = LatentGrid | 'styles' | 'codes'

/** A model and its data, as it begins. Images are bytes, `[count, height, width, channels]`. */
export interface ModelInfo {
  settings: Settings
  batchSize: number
  shape: [height: number, width: number, channels: number]
  latent: LatentType
  latentSize: number
  /** Of a conditional model. */
  classes: number | undefined
  /** Of a vector-quantised one: how many codes there are, and how many an image has. */
  codes: { count: number; height: number; width: number } | undefined
  /** Channels of the network, where that is narrower than the preset's. */
  narrowFilters: number | undefined
  grid: GridKind
  gridColumns: number
  parameterCount: number
  dataName: string
  trainCount: number
  testCount: number
  originals: Uint8Array
  originalLabels: number[]
  /** Classes of the plane's points. */
  labels: Uint8Array | undefined
}

/** What has happened since the last one. */
export interface Progress extends Learned {
  epoch: number
  imagesPerSecond: number
  msPerStep: number
}

export interface Pictures {
  reconstructions: Uint8Array<ArrayBuffer>
  grid: Uint8Array<ArrayBuffer>
  /** x, y of each test image on the plane; none where there is no plane. */
  points: Float32Array<ArrayBuffer>
}

/** A point of the plane, decoded; on the map of codes an image of that place's code alone. */
export interface Probed {
  at: Point
  image: Uint8Array<ArrayBuffer>
}

/** What became of a placed image. */
export interface Landing {
  /** Where it landed on the plane; `deviation` is the posterior's, along the plane's axes. */
  at?: Point
  deviation?: Point
  /** Its codes, row by row. */
  codes?: Uint32Array
  /** What comes out: of a conditional model once in every class. */
  images: Uint8Array<ArrayBuffer>
}

/** `stopped`: there is no model, because of a problem just told. */
export type RunState = 'preparing' | 'learning' | 'paused' | 'stopped'

/** What the worker tells the page. */
export type Report =
  | { type: 'engine'; adapter: string; software: boolean }
  | { type: 'model'; model: ModelInfo }
  | { type: 'state'; state: RunState }
  | { type: 'progress'; progress: Progress }
  | { type: 'pictures'; pictures: Pictures }
  | { type: 'probed'; probed: Probed }
  | { type: 'landed'; landing: Landing | undefined }
  | { type: 'saved'; bytes: Uint8Array<ArrayBuffer>; step: number }
  | { type: 'notice'; message: string }
  /** `settings` are those of the model that is still there. */
  | { type: 'problem'; code: string; message: string; settings?: Settings }

export type Post = (report: Report, transfer?: Transferable[]) => void

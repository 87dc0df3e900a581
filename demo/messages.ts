import type { Loss } from '../src/index.js'
import type { Settings } from './settings.js'

/** A point of the latent plane, in the plane's own units. */
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
  | { type: 'recover' }
  | { type: 'resume' }
  | { type: 'pause' }
  | { type: 'step' }
  | { type: 'adjust'; learningRate: number; klWeight: number }
  | { type: 'save' }
  | { type: 'hold'; on: boolean }
  | { type: 'probe'; at: Point }
  | { type: 'place'; pixels: Float32Array | undefined }

/** How the 15 × 15 pictures were chosen. */
export type GridKind = 'manifold' | 'samples' | 'interpolations'

/** A model and its data, as it begins. Images are bytes, `[count, height, width, channels]`. */
export interface ModelInfo {
  settings: Settings
  batchSize: number
  shape: [height: number, width: number, channels: number]
  latentSize: number
  gaussian: boolean
  grid: GridKind
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
export interface Progress {
  step: number
  epoch: number
  /** Steps that `loss` is the mean of. */
  steps: number
  loss: Loss
  validation: Loss | undefined
  imagesPerSecond: number
  msPerStep: number
}

export interface Pictures {
  reconstructions: Uint8Array<ArrayBuffer>
  grid: Uint8Array<ArrayBuffer>
  /** x, y of each test image on the plane. */
  points: Float32Array<ArrayBuffer>
}

/** A point of the plane, decoded. */
export interface Probed {
  at: Point
  image: Uint8Array<ArrayBuffer>
}

/** Where a drawn image landed; `deviation` is the posterior's, along the plane's axes. */
export interface Landing {
  at: Point
  deviation: Point | undefined
  image: Uint8Array<ArrayBuffer>
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
  | { type: 'problem'; code: string; message: string; recoverableStep?: number }

export type Post = (report: Report, transfer?: Transferable[]) => void

export { createEngine, type Engine, type EngineOptions, type VaeOptions } from './engine.js'
export type { Vae } from './vae.js'
export type { ActiveUnitsOptions, EvaluateOptions, SampleOptions } from './train/arguments.js'
export { presets } from './model/presets.js'
export { recipes, type Recipe } from './train/recipes.js'
export { adam, adamw, rmsprop, sgd } from './train/optimizers.js'
export type { Augmentation } from './ops/gather.js'
export type { Rate, RateSchedule } from './ops/rates.js'
export type { Adam, AdamW, Optimizer, RmsProp, Sgd } from './ops/update.js'
export { dataset, split, subset, take, type Dataset, type DatasetOptions, type ValuesOptions } from './data/dataset.js'
export { cifar } from './data/cifar.js'
export { idx } from './data/idx.js'
export { glyphs, type GlyphOptions } from './data/glyphs.js'
export { UNLABELED } from './labels.js'
export type { Objective } from './model/objectives/objective.js'
export type { DecodeOptions } from './model/inference.js'
export type { Balance } from './ops/adversarial.js'
export type { LabelOptions, Labels } from './model/labels.js'
export type { Codes, Posterior } from './model/latents/latent.js'
export type {
  BatchNormSpec,
  ConvSpec,
  ConvTransposeSpec,
  DenseSpec,
  DeterministicLatentSpec,
  DiscriminatorSpec,
  FlattenSpec,
  GaussianLatentSpec,
  LatentSpec,
  LayerSpec,
  LikelihoodSpec,
  LstmSpec,
  Padding,
  QuantizedLatentSpec,
  RecurrentSpec,
  ReshapeSpec,
  ResidualSpec,
  VaeSpec,
  VonMisesFisherLatentSpec,
} from './model/spec.js'
export type { Activation } from './ops/activation.js'
export { checkpointStore, type CheckpointStore, type NumberedStore } from './stores/checkpoint-store.js'
export type { StoredFiles } from './stores/files.js'
export type { Plan, PlanBuffer, PlanSection } from './schedule/plan.js'
export type { Dispatch, PlanTensor } from './ops/dispatch.js'
export type { Tensor } from './tensor.js'
export type { PriorEvaluation, PriorEvent, PriorInfo, PriorLoss } from './train/code-prior.js'
export type { EvaluatePriorOptions, TrainPriorOptions } from './train/prior-options.js'
export type { PriorSpec } from './model/prior/prior-spec.js'
export type { ActiveUnits } from './train/active-units.js'
export type { Loss } from './train/evaluate.js'
export type { ImageLosses, LossesOptions } from './train/image-losses.js'
export type { Checkpoint, Run, TrainEvent, TrainOptions } from './train/run.js'
export type { Batch } from './train/step.js'
export {
  DataError,
  DeviceLostError,
  ElboError,
  FormatError,
  KernelError,
  MemoryError,
  NumericError,
  ShapeError,
  SpecError,
  UnsupportedError,
} from './errors.js'

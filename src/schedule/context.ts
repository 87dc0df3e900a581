import type { PipelineCache } from '../kernels/pipelines.js'
import type { Tuner } from '../kernels/tuner.js'
import type { StepUniform } from './step.js'

/** What plans share on a device. */
export interface ScheduleContext {
  device: GPUDevice
  /** The adapter is a CPU: tilings that are for hardware are not timed. */
  isSoftware: boolean
  pipelines: PipelineCache
  /** Without one, every kernel has its fixed tiling. */
  tuner?: Tuner
  uniform: StepUniform
}

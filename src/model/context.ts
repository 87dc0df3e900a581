import type { DeviceContext } from '../device/device.js'
import type { UncapturedErrors } from '../device/faults.js'
import type { IdleCache } from '../device/memory.js'
import type { DeviceLostError } from '../errors.js'
import type { ScheduleContext } from '../schedule/context.js'
import type { Readback } from '../schedule/readback.js'
import type { DeviceSets } from './device-set.js'

/** What an engine shares among its models. */
export interface EngineContext extends DeviceContext, ScheduleContext {
  readback: Readback
  errors: UncapturedErrors
  sets: DeviceSets
  /** Programs that no call uses, of all models. */
  idlePrograms: IdleCache
  /** Set once the device is gone. */
  lost?: DeviceLostError
}

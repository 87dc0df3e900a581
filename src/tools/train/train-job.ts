import { trainInPage, type Ended, type Setting } from './headless.js'
import { trainInProcess } from './in-process.js'
import type { Job } from './messages.js'

/** Works on a job: in this process where it has WebGPU, as Deno has, else in a page of a headless browser. */
export function trainJob(job: Job, setting: Setting): Promise<Ended> {
  const { navigator } = globalThis as { navigator?: Navigator } // older Nodes have none
  return navigator?.gpu ? trainInProcess(job, setting) : trainInPage(job, setting)
}

import { trainInPage, type Ended, type Setting } from './headless.js'
import { trainInProcess } from './in-process.js'
import type { Job } from './messages.js'

/** Works on a job: in a page where there is a browser to open one in, else in this process, of Node or of Deno. */
export function trainJob(job: Job, { host, ...setting }: Omit<Setting, 'host'> & { host?: Setting['host'] }): Promise<Ended> {
  return host ? trainInPage(job, { ...setting, host }) : trainInProcess(job, setting)
}

// Runs inside the page: watches every GPU device, then imports a test bundle and collects its results.
import { collect, describe, type FileResult } from './collect.js'

export interface PageResult extends FileResult {
  /** Errors outside of any test. */
  stray: string[]
}

declare global {
  var runTestFile: (url: string, suiteFilter: string) => Promise<PageResult>
}

const stray: string[] = []

/** ELBO_DEVICE=minimal: whatever is asked for, devices have no optional feature and WebGPU's default limits. */
const minimal = new URLSearchParams(location.search).get('device') === 'minimal'

const { requestDevice } = GPUAdapter.prototype
GPUAdapter.prototype.requestDevice = async function (this: GPUAdapter, descriptor) {
  const device = await requestDevice.call(this, minimal ? { label: descriptor?.label } : descriptor)
  device.addEventListener('uncapturederror', ({ error }) => stray.push(`uncaptured GPU error: ${error.message}`))
  void device.lost.then(({ reason, message }) => {
    if (reason !== 'destroyed') stray.push(`GPU device lost: ${message}`)
  })
  return device
}

globalThis.runTestFile = async (url, suiteFilter) => {
  if (!navigator.gpu) throw new Error('this browser offers no WebGPU here (navigator.gpu is missing)')
  const none = { passed: 0, failed: 0, skipped: 0, filtered: 0, failures: [], expectedErrors: [] }
  try {
    return { ...(await collect(() => import(url), suiteFilter)), stray }
  } catch (error) {
    return { ...none, stray: [...stray, `did not load: ${describe(error)}`] }
  }
}

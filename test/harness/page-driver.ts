// Runs inside the page: watches every GPU device, then imports a test bundle and collects its results.
import { collect, describe, NO_RESULT, type FileResult, type Selection } from './collect.js'
import { watchDevices } from './watch-devices.js'

export interface PageResult extends FileResult {
  /** Errors outside of any test. */
  stray: string[]
}

declare global {
  var runTestFile: (url: string, selection: Selection) => Promise<PageResult>
}

const stray: string[] = []

// ELBO_DEVICE=minimal
watchDevices(stray, new URLSearchParams(location.search).get('device') === 'minimal')

globalThis.runTestFile = async (url, selection) => {
  if (!navigator.gpu) throw new Error('this browser offers no WebGPU here (navigator.gpu is missing)')
  try {
    return { ...(await collect(() => import(url), selection)), stray }
  } catch (error) {
    return { ...NO_RESULT, stray: [...stray, `did not load: ${describe(error)}`] }
  }
}

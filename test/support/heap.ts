import { gpuTest } from '../harness/gpu.js'

/** What tells the size of the heap: in Chrome, Deno and Node. Firefox tells it to nobody. */
const v8 = globalThis as {
  gc?: () => void
  performance: { memory?: { usedJSHeapSize: number } }
  process?: { memoryUsage(): { heapUsed: number } }
}

/** {@link gpuTest} where the heap can be measured; elsewhere the test is left out. */
export const heapTest: typeof gpuTest = v8.performance.memory ?? v8.process ? gpuTest : () => {}

/** Bytes in use after a full collection; throws where the runtime was not started with --expose-gc. */
export function heapBytes(): number {
  v8.gc!()
  v8.gc!()
  return v8.process?.memoryUsage().heapUsed ?? v8.performance.memory!.usedJSHeapSize
}

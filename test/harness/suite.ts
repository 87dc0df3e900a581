import { suite as uvuSuite, type Callback, type Test } from 'uvu'

/**
 * uvu's `suite`, which knows the runner's filter and says which test is under way, so that a hang has a name.
 * Thrown values that are no errors become errors.
 */
export function suite<T = Record<string, unknown>>(name: string, context?: T): Test<T> {
  const inner = uvuSuite<T>(name, context)
  const state = globalThis.elboHarness
  const traced =
    (title: string, handler: Callback<T>): Callback<T> =>
    async (given) => {
      if (state) state.current = `${name} › ${title}`
      try {
        await handler(given)
      } catch (thrown) {
        throw thrown instanceof Error ? thrown : new Error(`threw ${String(thrown)}`)
      }
    }
  const outer = (title: string, handler: Callback<T>): void => inner(title, traced(title, handler))
  return Object.assign(outer, inner, {
    only: (title: string, handler: Callback<T>) => inner.only(title, traced(title, handler)),
    run() {
      if (state && !name.includes(state.suiteFilter)) state.filtered++
      else inner.run()
    },
  })
}

/** Says that this file provokes errors outside of any test (uncaptured GPU errors, rejections) that match. */
export function expectErrors(pattern: RegExp): void {
  globalThis.elboHarness?.expectedErrors.push(pattern.source)
}

import { suite as uvuSuite, type Callback, type Test } from 'uvu'

/**
 * uvu's `suite`, which knows which tests the runner wants and says which is under way, so that a hang has a name.
 * Thrown values that are no errors become errors.
 */
export function suite<T = Record<string, unknown>>(name: string, context?: T): Test<T> {
  const inner = uvuSuite<T>(name, context)
  const state = globalThis.elboHarness
  const traced =
    (title: string, handler: Callback<T>): Callback<T> =>
    async (given) => {
      state?.begin(`${name} › ${title}`)
      try {
        await handler(given)
      } catch (thrown) {
        throw thrown instanceof Error ? thrown : new Error(`threw ${String(thrown)}`)
      }
    }
  let [wanted, unwanted] = [0, 0]
  const when = (title: string, add: () => void): void => {
    if (state && !state.wants(name, title)) {
      unwanted++
    } else {
      wanted++
      add()
    }
  }
  const outer = (title: string, handler: Callback<T>): void => when(title, () => inner(title, traced(title, handler)))
  return Object.assign(outer, inner, {
    only: (title: string, handler: Callback<T>) => when(title, () => inner.only(title, traced(title, handler))),
    run() {
      if (state && wanted === 0 && unwanted > 0) state.filtered++
      else inner.run()
    },
  })
}

/** A suite that needs what only pages have; left out in Node and Deno. */
export function pageSuite(name: string): Test {
  const whole = suite(name)
  if ('document' in globalThis) return whole
  const leftOut = () => {
    if (globalThis.elboHarness) globalThis.elboHarness.filtered++
  }
  return Object.assign(() => {}, whole, { run: leftOut })
}

/** Says that this file provokes errors outside of any test (uncaptured GPU errors, rejections) that match. */
export function expectErrors(pattern: RegExp): void {
  globalThis.elboHarness?.expectedErrors.push(pattern.source)
}

/** npm passes the terminal's Ctrl-C on, so that one arrives here twice. */
const sameInterruptMs = 700

const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

/**
 * Lets the work end in good order when this process is asked to stop: by Ctrl-C, by `kill` or a service manager
 * (SIGTERM), by a terminal that closes (SIGHUP). The first request calls `stop` with the exit code that goes with it; a
 * second one calls `leave`. Returns a function that removes the listeners.
 */
export function onInterrupt(stop: (code: number) => void, leave: (code: number) => void): () => void {
  let stoppedMs: number | undefined
  const removals = Object.entries(codes).map(([signal, code]) => {
    const handle = () => {
      const now = performance.now()
      if (stoppedMs === undefined) {
        stoppedMs = now
        stop(code)
      } else if (now - stoppedMs > sameInterruptMs) {
        leave(code)
      }
    }
    process.on(signal, handle)
    return () => process.off(signal, handle)
  })
  return () => removals.forEach((remove) => remove())
}

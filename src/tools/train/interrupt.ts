/** npm passes the terminal's Ctrl-C on, so that one arrives here twice. */
const sameInterruptMs = 700

/** Makes something else of Ctrl-C than the end: the first calls `stop`, the second `leave`. Returns how to undo it. */
export function onInterrupt(stop: () => void, leave: () => void): () => void {
  let stoppedMs: number | undefined
  const handle = () => {
    const now = performance.now()
    if (stoppedMs === undefined) {
      stoppedMs = now
      stop()
    } else if (now - stoppedMs > sameInterruptMs) {
      leave()
    }
  }
  process.on('SIGINT', handle)
  return () => process.off('SIGINT', handle)
}

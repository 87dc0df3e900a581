/** How far the download of one file is. */
export interface DownloadProgress {
  /** Name of the file, e.g. `train-images-idx3-ubyte`. */
  file: string
  url: string
  receivedBytes: number
  /** Undefined where the server does not say, or counts other bytes than arrive. */
  totalBytes: number | undefined
  /** `done` comes once, after the last byte; `failed` once, when the mirror broke off. */
  phase: 'receiving' | 'done' | 'failed'
}

/** A terminal, or a pipe that gets one line a file instead of a moving bar. */
export interface ProgressOutput {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const CELLS = 24
const REDRAW_MS = 100

/** Draws `[########----------------]  33 %  3.2 of 9.7 MB  train-images-idx3-ubyte`, at most ten times a second. */
export function progressBar(output: ProgressOutput): (progress: DownloadProgress) => void {
  let drawnAt = -Infinity
  return ({ file, url, receivedBytes, totalBytes, phase }) => {
    if (!output.isTTY) {
      if (phase === 'done') output.write(`${file}: ${megabytes(receivedBytes)} MB from ${url}\n`)
      return
    }
    const now = performance.now()
    if (phase === 'receiving' && now - drawnAt < REDRAW_MS) return
    drawnAt = now
    output.write(`\r\x1b[K${barLine(file, receivedBytes, totalBytes)}${phase === 'receiving' ? '' : '\n'}`)
  }
}

function barLine(file: string, receivedBytes: number, totalBytes: number | undefined): string {
  if (!totalBytes) return `${megabytes(receivedBytes)} MB  ${file}`
  const share = receivedBytes / totalBytes
  const filled = Math.round(share * CELLS)
  const percent = String(Math.floor(share * 100)).padStart(3)
  const bar = '#'.repeat(filled) + '-'.repeat(CELLS - filled)
  return `[${bar}] ${percent} %  ${megabytes(receivedBytes)} of ${megabytes(totalBytes)} MB  ${file}`
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1)
}

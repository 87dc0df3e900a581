// @ts-check
// Libraries on one preset, each in its page: checked against elbo, then timed in turns.

/** Losses that are compared; a library that is slow shows two. */
const comparedSteps = 4
const lossBound = 1e-3
/** RMSprop's first updates are large wherever a gradient is near zero, and of the sign that rounding gives it. */
const pixelBound = 2e-2
/** Longer steps are measured one by one, and the last of those that are compared counts too. */
const longStepMs = 2000
/** Of a library's time, what is kept for decoding. */
const decodingShare = 0.25
const decodedCounts = [1, 225]

/**
 * @typedef {import('./pages.mjs').PeerPage} PeerPage
 * @typedef {import('./results.js').Cell} Cell
 * @typedef {import('./results.js').Agreement} Agreement
 * @typedef {import('./page/main.js').Prepared} Prepared
 * @typedef {import('../results.js').Timing} Timing
 * @typedef {{ ms: number, executions: number } | undefined} Sample undefined where a library had no time for its turn
 *
 * @typedef {object} Contestant
 * @property {PeerPage} page
 * @property {Prepared} prepared
 * @property {Cell} cell
 */

/**
 * Makes the first steps and compares them with elbo's.
 *
 * @param {PeerPage} page
 * @param {{ preset: string, batch: number, seed: number }} task
 * @param {Prepared} [elbo] missing for elbo itself
 * @returns {Promise<Contestant>} rejects when the library fails or computes something else
 */
export async function prepare(page, task, elbo) {
  const library = `/${page.library}/${page.library}.js`
  const patienceMs = page.leftMs / 4
  const prepared = await page.call('prepare', { ...task, library, steps: comparedSteps, patienceMs })
  const check = agreement(prepared, elbo ?? prepared)
  if (!(check.lossDistance <= lossBound && check.pixelDistance <= pixelBound)) {
    const expected = elbo?.losses.slice(0, check.losses.length).join(', ')
    const pixels = `decoded pixels are off by ${check.pixelDistance}`
    throw new Error(`it computes something else: losses ${check.losses.join(', ')}, elbo's ${expected}; ${pixels}`)
  }
  return { page, prepared, cell: { library: page.library, check, firstStepMs: prepared.firstStepMs } }
}

/** @param {Prepared} prepared @param {Prepared} expected @returns {Agreement} */
function agreement({ losses, images }, expected) {
  const lossDistances = losses.map((loss, i) => Math.abs(loss / expected.losses[i] - 1))
  const pixelDistances = images.map((pixel, i) => Math.abs(pixel - expected.images[i]))
  return { losses, lossDistance: Math.max(...lossDistances), pixelDistance: Math.max(...pixelDistances) }
}

/**
 * Times training steps and decoding, and fills in the cells. A library that fails keeps what it has until then.
 *
 * @param {Contestant[]} contestants elbo first
 * @param {{ rounds: number, windowMs: number, decodeMs: number }} extent
 */
export async function takeTurns(contestants, { rounds, windowMs, decodeMs }) {
  /** @param {Contestant} contestant */
  const isLong = ({ page, prepared }) => page.library !== 'elbo' && prepared.lastStepMs > longStepMs
  await inTurns(contestants, 0, decodingShare, async (contestant) => {
    const { page, cell } = contestant
    cell.waits = isLong(contestant) ? 'every step' : await page.call('settle')
    return undefined
  })
  const steps = await inTurns(contestants, rounds, decodingShare, async (contestant, round) => {
    const { page, cell, prepared } = contestant
    if (isLong(contestant)) {
      if (round > 0) return sample(await page.call('train', { warmUpMs: 0, windowMs: 0 }))
      cell.counts = prepared.counts
      return { ms: prepared.lastStepMs, executions: 1 }
    }
    const window = { warmUpMs: 500, windowMs }
    if (round > 0) return sample(await page.call('train', window))
    const { counts, ...trained } = await page.call('trainCounted', window)
    cell.counts = counts
    return sample(trained)
  })
  /** @type {Sample[][][]} */
  const decodes = []
  for (const count of decodedCounts) {
    const samples = await inTurns(contestants, rounds, 0, async ({ page }, round) => {
      const { calls, elapsedMs } = await page.call('decode', count, round === 0 ? 0 : decodeMs)
      return { ms: elapsedMs / calls, executions: calls }
    })
    decodes.push(samples)
  }
  const [elbo] = contestants
  contestants.forEach(({ cell, prepared }, i) => {
    cell.step = timing(steps[i])
    cell.decode = byCount((k) => timing(decodes[k][i]))
    cell.ratios = {
      firstStep: prepared.firstStepMs / elbo.prepared.firstStepMs,
      step: ratio(steps[i], steps[0]),
      decode: byCount((k) => ratio(decodes[k][i], decodes[k][0])),
    }
  })
}

/** @template T @param {(index: number) => T} value @returns {Record<number, T>} */
function byCount(value) {
  return Object.fromEntries(decodedCounts.map((count, k) => [count, value(k)]))
}

/** @param {import('./page/contestant.js').Trained} trained */
function sample({ steps, elapsedMs }) {
  return { ms: elapsedMs / steps, executions: steps }
}

/**
 * Lets everyone measure once a round, one after another, after a round that warms up. Who has no time left for another
 * turn of the same length does without.
 *
 * @param {Contestant[]} contestants
 * @param {number} rounds besides the one that warms up
 * @param {number} keptShare of the time, for what comes after
 * @param {(contestant: Contestant, round: number) => Promise<Sample>} measure
 * @returns {Promise<Sample[][]>} by contestant, then by round
 */
async function inTurns(contestants, rounds, keptShare, measure) {
  const turnMs = contestants.map(() => 0)
  /** @type {Sample[][]} */
  const samples = contestants.map(() => [])
  for (let round = 0; round <= rounds; round++) {
    for (const [i, contestant] of contestants.entries()) {
      const { page, cell } = contestant
      const hasTime = page.leftMs - keptShare * page.limitMs >= 1.2 * turnMs[i]
      if (cell.error !== undefined || (round > 0 && !hasTime)) continue
      const start = performance.now()
      try {
        samples[i][round] = await measure(contestant, round)
      } catch (error) {
        if (i === 0) throw error
        cell.error = error instanceof Error ? error.message : String(error)
        await page.close()
      }
      turnMs[i] = Math.max(samples[i][round]?.ms ?? 0, performance.now() - start)
    }
  }
  return samples
}

/**
 * Without the round that warms up, unless there is no other.
 *
 * @param {Sample[]} samples
 * @returns {Timing | undefined}
 */
function timing(samples) {
  const known = samples.slice(samples.length > 1 ? 1 : 0).filter((one) => one !== undefined)
  if (known.length === 0) return undefined
  const samplesMs = known.map(({ ms }) => ms)
  const medianMs = median(samplesMs)
  const minMs = Math.min(...samplesMs)
  const spread = (Math.max(...samplesMs) - minMs) / medianMs
  const executions = known.reduce((sum, one) => sum + one.executions, 0) / known.length
  return { medianMs, minMs, spread, samplesMs, executions }
}

/** Of neighbouring turns. @param {Sample[]} samples @param {Sample[]} elbo @returns {number | undefined} */
function ratio(samples, elbo) {
  const ratios = samples.flatMap((one, round) => (one && elbo[round] ? [one.ms / elbo[round].ms] : []))
  const steady = ratios.slice(ratios.length > 1 ? 1 : 0)
  return steady.length === 0 ? undefined : median(steady)
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

import { checkKeys, readArray, readName, readObject, readWeight, readWhole } from '../checks.js'
import { SpecError } from '../errors.js'

/** A number that changes with the step, as plain JSON: a learning rate, or the weight of the KL term. */
export type Rate = number | RateSchedule

export type RateSchedule =
  /** `value · factor^⌊step / every⌋` (PyTorch's StepLR). */
  | { type: 'step'; value: number; factor: number; every: number }
  /** `value · factor^m` with m of the `milestones`, rising numbers of steps, reached (PyTorch's MultiStepLR). */
  | { type: 'multi-step'; value: number; factor: number; milestones: readonly number[] }
  /** From `value` down to `minimum` along half a cosine over `steps`, then `minimum` (PyTorch's CosineAnnealingLR). */
  | { type: 'cosine'; value: number; steps: number; minimum?: number }
  /** From `from` to `to` in a straight line over `steps`, then `to`. */
  | { type: 'linear'; from: number; to: number; steps: number }
  /** From 0 to `value` over the first `ramp` (0.5) of every `period`, then `value` to its end (Fu et al. 2019). */
  | { type: 'cyclical'; value: number; period: number; ramp?: number }
  /** `after`, times (step + 1) / `steps` during the first `steps`. */
  | { type: 'warm-up'; steps: number; after: Rate }

/** The rate at a step, which counts from 0. */
export function rateAt(rate: Rate, step: number): number {
  if (typeof rate === 'number') return rate
  switch (rate.type) {
    case 'step':
      return rate.value * rate.factor ** Math.floor(step / rate.every)
    case 'multi-step':
      return rate.value * rate.factor ** rate.milestones.filter((milestone) => step >= milestone).length
    case 'cosine': {
      const { value, steps, minimum = 0 } = rate
      const progress = Math.min(step / steps, 1)
      return minimum + 0.5 * (value - minimum) * (1 + Math.cos(Math.PI * progress))
    }
    case 'linear':
      return rate.from + (rate.to - rate.from) * Math.min(step / rate.steps, 1)
    case 'cyclical': {
      const { value, period, ramp = 0.5 } = rate
      const place = (step % period) / period
      return ramp === 0 ? value : value * Math.min(place / ramp, 1)
    }
    case 'warm-up':
      return rateAt(rate.after, step) * Math.min((step + 1) / rate.steps, 1)
  }
}

/** What a schedule of each type holds: numbers, counts of steps, and what has readers of its own. */
const KEYS: Record<RateSchedule['type'], { numbers: string[]; counts: string[]; optional?: string[]; also?: string }> = {
  step: { numbers: ['value', 'factor'], counts: ['every'] },
  'multi-step': { numbers: ['value', 'factor'], counts: [], also: 'milestones' },
  cosine: { numbers: ['value'], counts: ['steps'], optional: ['minimum'] },
  linear: { numbers: ['from', 'to'], counts: ['steps'] },
  cyclical: { numbers: ['value'], counts: ['period'], optional: ['ramp'] },
  'warm-up': { numbers: [], counts: ['steps'], also: 'after' },
}

/** Warm-ups within warm-ups: a bound, so that one that contains itself, or a file's, cannot exhaust the stack. */
const MOST_NESTED = 16

/**
 * Reads a rate from outside.
 * @returns a copy, which nobody can change any more
 * @throws SpecError with the path of the number that cannot be: below 0, not finite, no whole number of steps
 */
export function checkRate(rate: unknown, path: string): Rate {
  return readRate(rate, path, 0)
}

function readRate(rate: unknown, path: string, depth: number): Rate {
  if (typeof rate === 'number') return readWeight(rate, path)
  if (depth === MOST_NESTED) throw new SpecError(path, `schedules can lie at most ${MOST_NESTED} deep`)
  const schedule = readObject(rate, path, 'a number or a schedule')
  const type = readName(schedule.type, path, 'schedule', Object.keys(KEYS) as RateSchedule['type'][])
  const { numbers, counts, optional = [], also = [] } = KEYS[type]
  checkKeys(schedule, path, `a ${type} schedule`, ['type', ...numbers, ...counts, ...optional].concat(also))
  for (const key of numbers) readWeight(schedule[key], `${path}.${key}`)
  for (const key of optional) if (schedule[key] !== undefined) readWeight(schedule[key], `${path}.${key}`)
  for (const key of counts) readWhole(schedule[key], `${path}.${key}`, 1)
  if (type === 'cyclical' && (schedule.ramp as number) > 1) {
    throw new SpecError(`${path}.ramp`, `needs a share of the period up to 1, got ${schedule.ramp}`)
  }
  if (type === 'multi-step') schedule.milestones = readMilestones(schedule.milestones, `${path}.milestones`)
  if (type === 'warm-up') schedule.after = readRate(schedule.after, `${path}.after`, depth + 1)
  return Object.freeze(schedule) as unknown as RateSchedule
}

function readMilestones(value: unknown, path: string): readonly number[] {
  const milestones = readArray(value, path, 'rising whole numbers of steps from 1 on')
  let before = 0
  for (const [i, step] of milestones.entries()) before = readWhole(step, `${path}[${i}]`, before + 1)
  return Object.freeze(milestones as number[])
}

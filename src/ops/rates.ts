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

const KEYS: Record<RateSchedule['type'], { numbers: string[]; counts: string[]; optional?: string[]; also?: string }> = {
  step: { numbers: ['value', 'factor'], counts: ['every'] },
  'multi-step': { numbers: ['value', 'factor'], counts: [], also: 'milestones' },
  cosine: { numbers: ['value'], counts: ['steps'], optional: ['minimum'] },
  linear: { numbers: ['from', 'to'], counts: ['steps'] },
  cyclical: { numbers: ['value'], counts: ['period'], optional: ['ramp'] },
  'warm-up': { numbers: [], counts: ['steps'], also: 'after' },
}

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

/** @throws SpecError unless it is a finite number not below 0, or a schedule of such. */
export function checkRate(rate: unknown, path: string): void {
  if (typeof rate === 'number') return checkNumber(rate, path)
  const schedule = rate as Record<string, unknown> | null
  const type = schedule?.type as RateSchedule['type']
  if (typeof rate !== 'object' || !schedule || !Object.hasOwn(KEYS, type)) {
    throw new SpecError(path, `needs a number or a schedule of type ${Object.keys(KEYS).join(', ')}, got ${describe(rate)}`)
  }
  const { numbers, counts, optional = [], also = [] } = KEYS[type]
  const known = ['type', ...numbers, ...counts, ...optional].concat(also)
  for (const key of Object.keys(schedule)) {
    if (!known.includes(key)) throw new SpecError(`${path}.${key}`, `a ${type} schedule has ${known.join(', ')}`)
  }
  for (const key of numbers) checkNumber(schedule[key], `${path}.${key}`)
  for (const key of optional) if (schedule[key] !== undefined) checkNumber(schedule[key], `${path}.${key}`)
  for (const key of counts) {
    if (Number.isSafeInteger(schedule[key]) && (schedule[key] as number) >= 1) continue
    throw new SpecError(`${path}.${key}`, `needs a whole number of steps from 1 on, got ${describe(schedule[key])}`)
  }
  if (type === 'cyclical' && (schedule.ramp as number) > 1) {
    throw new SpecError(`${path}.ramp`, `needs a share of the period up to 1, got ${schedule.ramp}`)
  }
  if (type === 'multi-step') checkMilestones(schedule.milestones, `${path}.milestones`)
  if (type === 'warm-up') checkRate(schedule.after, `${path}.after`)
}

function checkMilestones(milestones: unknown, path: string): void {
  const isAbove = (before: number, step: unknown) => Number.isSafeInteger(step) && (step as number) > before
  if (Array.isArray(milestones) && milestones.every((step, i) => isAbove(milestones[i - 1] ?? 0, step))) return
  throw new SpecError(path, `needs rising whole numbers of steps from 1 on, got ${describe(milestones)}`)
}

function checkNumber(value: unknown, path: string): void {
  if (typeof value === 'number' && value >= 0 && value < Infinity) return
  throw new SpecError(path, `needs a finite number not below 0, got ${describe(value)}`)
}

function describe(value: unknown): string {
  return typeof value === 'object' ? (JSON.stringify(value) ?? 'nothing') : String(value)
}

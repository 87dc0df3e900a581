import { padTo4, type PlanTensor } from '../../ops/dispatch.js'
import type { PlanBuilder } from '../../schedule/plan.js'
import type { ParameterArena } from '../arena.js'

// What every part of a recurrent model needs to push the dispatches of all its steps into one plan. What one dispatch
// reads of all steps at the end, such as the product that sums a weight's gradient over time, lies in a tape: the rows
// of every step behind one another. A buffer is tracked whole: no dispatch reads one step of a tape and writes another.

/** The steps of a plan. */
export class Unrolled {
  /** Rows of every step; sixteen rows of whole vectors are a multiple of what bindings begin at. */
  readonly rows: number

  /** @param images rows of the batch, padded to eight */
  constructor(
    readonly builder: PlanBuilder,
    readonly arena: ParameterArena,
    readonly steps: number,
    images: number,
  ) {
    this.rows = rowsPerStep(images)
  }

  /** A tensor for the rows of one step. */
  slice(name: string, width: number): PlanTensor {
    return this.builder.activation(name, this.rows * padTo4(width))
  }

  /** A tensor for the rows of all steps. */
  tape(name: string, width: number): Tape {
    return this.tapeOf(name, width, this.steps)
  }

  /** States of all steps, `at(0)` being zeros, the state before the first: nothing writes there. */
  states(name: string, width: number): Tape {
    const tape = this.tapeOf(name, width, this.steps + 1)
    this.builder.pin(tape.whole)
    return tape
  }

  /** Zeros for the rows of one step: a buffer of its own starts as zeros, and nothing writes to this one. */
  zeros(width: number): PlanTensor {
    return this.builder.pin(this.slice('zeros', width))
  }

  private tapeOf(name: string, width: number, steps: number): Tape {
    const size = this.rows * padTo4(width)
    return new Tape(this, this.builder.activation(name, steps * size), size)
  }
}

/** Rows of a step for so many images. */
function rowsPerStep(images: number): number {
  return Math.ceil(images / 16) * 16
}

/** The rows of several steps behind one another. */
export class Tape {
  private readonly parts = new Map<string, PlanTensor>()

  constructor(
    private readonly unrolled: Unrolled,
    readonly whole: PlanTensor,
    /** Elements of a step. */
    private readonly size: number,
  ) {}

  /** The rows of one step. */
  at(step: number): PlanTensor {
    return this.part(step, 1)
  }

  /** The rows of as many steps as the plan has, from this one on. */
  from(step: number): PlanTensor {
    return this.part(step, this.unrolled.steps)
  }

  private part(step: number, count: number): PlanTensor {
    const { whole, size, unrolled } = this
    const key = `${step} ${count}`
    let part = this.parts.get(key)
    if (!part) {
      part = unrolled.builder.part(whole, `${whole.name}.${step}`, count * size, step * size)
      this.parts.set(key, part)
    }
    return part
  }
}

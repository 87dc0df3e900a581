/**
 * The order in which a vector's values lie inside the engine. PyTorch numbers a flattened image by (channel, row,
 * column); images lie as (row, column, channel), so the view that flattens one yields another order than PyTorch's.
 * `'plain'`: value i is PyTorch's value i. `{ h, w, c }`: the values lie as those of such an image do.
 */
export type Order = 'plain' | { h: number; w: number; c: number }

/** Features without places, and the order they are in if they were an image's. */
export interface VectorShape {
  kind: 'vector'
  size: number
  order: Order
}

/** Values in PyTorch's order. */
export function vectorShape(size: number): VectorShape {
  return { kind: 'vector', size, order: 'plain' }
}

/** Inside row-major (row, column, channel). */
export interface ImageShape {
  kind: 'image'
  h: number
  w: number
  c: number
}

/** What one row of a batch is. */
export type Shape = VectorShape | ImageShape

/** Number of values of one row of a batch, without padding. */
export function sizeOf(shape: Shape): number {
  return shape.kind === 'vector' ? shape.size : shape.h * shape.w * shape.c
}

/** For messages: `a vector of 784` or `an image 28 × 28 × 1`. */
export function describeShape(shape: Shape): string {
  return shape.kind === 'vector' ? `a vector of ${shape.size}` : `an image ${shape.h} × ${shape.w} × ${shape.c}`
}

/** The order of an image seen as a vector. One channel, or one pixel, is already in PyTorch's order. */
export function orderOf({ h, w, c }: { h: number; w: number; c: number }): Order {
  return h * w === 1 || c === 1 ? 'plain' : { h, w, c }
}

/**
 * All that an order is: how many channels lie side by side, 1 for `'plain'`.
 * In a vector of N values with C = channelsOf(order), the value at place i is PyTorch's number (i mod C) · N/C + ⌊i/C⌋.
 */
export function channelsOf(order: Order): number {
  return order === 'plain' ? 1 : order.c
}

/** Whether two vectors of one size lie alike; height and width on their own do not matter. */
export function sameOrder(a: Order, b: Order): boolean {
  return channelsOf(a) === channelsOf(b)
}

/**
 * Finds an order for every vector of a model. Vectors that must lie alike are joined; views demand an order; in a group
 * the first demand wins, and a view that demanded another order needs a permutation. A dense layer demands nothing: its
 * weights follow.
 */
export class OrderGroups {
  readonly #parents = new Map<VectorShape, VectorShape>()
  readonly #demands = new Map<VectorShape, Order>()

  /** A vector whose order is to be found. */
  add(size: number, demand?: Order): VectorShape {
    const vector: VectorShape = { kind: 'vector', size, order: 'plain' }
    this.#parents.set(vector, vector)
    if (demand !== undefined) this.#demands.set(vector, demand)
    return vector
  }

  demand(vector: VectorShape, order: Order): void {
    const root = this.#root(vector)
    if (!this.#demands.has(root)) this.#demands.set(root, order)
  }

  /** From now on both lie alike. */
  join(a: VectorShape, b: VectorShape): void {
    const rootA = this.#root(a)
    const rootB = this.#root(b)
    if (rootA === rootB) return
    this.#parents.set(rootB, rootA)
    const demand = this.#demands.get(rootB)
    if (demand !== undefined) this.demand(rootA, demand)
  }

  /** Writes every vector's `order`. */
  settle(): void {
    for (const vector of this.#parents.keys()) vector.order = this.#demands.get(this.#root(vector)) ?? 'plain'
  }

  #root(vector: VectorShape): VectorShape {
    let root = vector
    for (let parent = this.#parents.get(root); parent !== undefined && parent !== root;) {
      root = parent
      parent = this.#parents.get(root)
    }
    return root
  }
}

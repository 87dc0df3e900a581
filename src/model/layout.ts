import { channelsOf, type Order } from './shapes.js'

/**
 * How a parameter lies inside: PyTorch's axes in another order, seen as rows × columns, both padded with zeros.
 * A row or column number counts its axes row-major, the first one slowest.
 */
export interface Layout {
  /** Sizes of PyTorch's axes, row-major; an axis of a flattened image is split into (channels, pixels). */
  axes: number[]
  /** Which axes make up the rows; together with `columnAxes` every axis once. */
  rowAxes: number[]
  columnAxes: number[]
  paddedRows: number
  paddedColumns: number
}

/** A vector [P4(n)] of values for the features of a vector in `order`. */
export function vectorLayout(size: number, order: Order): Layout {
  const axis = splitAxis(size, order)
  return layoutOf(axis, [], reversed(0, axis.length), 1, 4)
}

/** Dense weights [P4(O), P4(I)]: rows in the order of the output, columns in that of the input. */
export function denseLayout(O: number, I: number, rowOrder: Order, columnOrder: Order): Layout {
  const rows = splitAxis(O, rowOrder)
  const columns = splitAxis(I, columnOrder)
  const axes = [...rows, ...columns]
  return layoutOf(axes, reversed(0, rows.length), reversed(rows.length, axes.length), 4, 4)
}

/** Weights [I, P4(O)] of a product whose output's features lie side by side: PyTorch's [O, I], transposed. */
export function transposedLayout(O: number, I: number): Layout {
  return layoutOf([O, I], [1], [0], 1, 4)
}

/** Convolution weights of PyTorch's `shape` with their axes in another order, not padded. */
export function convLayout(shape: readonly number[], axes: readonly number[]): Layout {
  return layoutOf([...shape], axes.slice(0, -1), axes.slice(-1), 1, 1)
}

/** Number of values inside, padding included. */
export function innerElements({ paddedRows, paddedColumns }: Layout): number {
  return paddedRows * paddedColumns
}

/** From PyTorch's order to the inner one; zeros in the padding. `data` has as many values as the axes. */
export function toInner(data: Float32Array, layout: Layout): Float32Array {
  const inner = new Float32Array(innerElements(layout))
  forEachValue(layout, (outside, inside) => {
    inner[inside] = data[outside]
  })
  return inner
}

/** From the inner order back to PyTorch's; the padding is left out. */
export function fromInner(inner: Float32Array, layout: Layout): Float32Array {
  const data = new Float32Array(layout.axes.reduce((product, n) => product * n, 1))
  forEachValue(layout, (outside, inside) => {
    data[outside] = inner[inside]
  })
  return data
}

function forEachValue(layout: Layout, visit: (outside: number, inside: number) => void): void {
  const rows = offsets(layout.axes, layout.rowAxes)
  const columns = offsets(layout.axes, layout.columnAxes)
  for (let row = 0; row < rows.length; row++) {
    const first = row * layout.paddedColumns
    for (let column = 0; column < columns.length; column++) visit(rows[row] + columns[column], first + column)
  }
}

/** For every combination of the picked axes, the last fastest: its offset among PyTorch's values. */
function offsets(axes: number[], picked: number[]): Uint32Array {
  let result = Uint32Array.of(0)
  for (const axis of picked) {
    const stride = axes.slice(axis + 1).reduce((product, n) => product * n, 1)
    const next = new Uint32Array(result.length * axes[axis])
    for (let i = 0; i < next.length; i++) next[i] = result[Math.floor(i / axes[axis])] + (i % axes[axis]) * stride
    result = next
  }
  return result
}

/** PyTorch's axis of a vector's features: whole, or (channels, pixels) where the inner order swaps them. */
function splitAxis(size: number, order: Order): number[] {
  const channels = channelsOf(order)
  return channels === 1 ? [size] : [channels, size / channels]
}

/** The numbers from `start` to `end − 1`, the last first. */
function reversed(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, i) => end - 1 - i)
}

function layoutOf(axes: number[], rowAxes: number[], columnAxes: number[], rowPad: number, columnPad: number): Layout {
  const count = (picked: number[]) => picked.reduce((product, axis) => product * axes[axis], 1)
  return {
    axes,
    rowAxes,
    columnAxes,
    paddedRows: Math.ceil(count(rowAxes) / rowPad) * rowPad,
    paddedColumns: Math.ceil(count(columnAxes) / columnPad) * columnPad,
  }
}

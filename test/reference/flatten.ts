type Values = ArrayLike<number>

/** Images (B, H, W, C) to vectors in PyTorch's order (channel, row, column); {@link unflatten} is its gradient. */
export function flatten(x: Values, [H, W, C]: readonly number[]): Float64Array {
  const y = new Float64Array(x.length)
  eachElement(x.length, H, W, C, (image, vector) => (y[vector] = x[image]))
  return y
}

/** Vectors in PyTorch's order to images (B, H, W, C); {@link flatten} is its gradient. */
export function unflatten(x: Values, [H, W, C]: readonly number[]): Float64Array {
  const y = new Float64Array(x.length)
  eachElement(x.length, H, W, C, (image, vector) => (y[image] = x[vector]))
  return y
}

function eachElement(length: number, H: number, W: number, C: number, visit: (image: number, vector: number) => void) {
  for (let i = 0; i < length; i++) {
    const c = i % C
    const w = Math.floor(i / C) % W
    const h = Math.floor(i / (C * W)) % H
    const n = Math.floor(i / (C * W * H))
    visit(i, ((n * C + c) * H + h) * W + w)
  }
}

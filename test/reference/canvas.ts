type Values = ArrayLike<number>

/** What a canvas still lacks of an image, x − sigmoid(canvas). */
export function errorForward(x: Values, canvas: Values): Float64Array {
  return Float64Array.from(x, (value, i) => value - sigmoid(canvas[i]))
}

/** dcanvas = −sigmoid'(canvas) · dy */
export function errorBackward(canvas: Values, dy: Values): Float64Array {
  return Float64Array.from(canvas, (value, i) => -sigmoid(value) * sigmoid(-value) * dy[i])
}

function sigmoid(v: number): number {
  return 1 / (1 + Math.exp(-v))
}

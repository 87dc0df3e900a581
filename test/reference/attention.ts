type Values = ArrayLike<number>

// DRAW's grid of Gaussian filters (Gregor et al. 2015, equations 19 to 29), one row: an image's values count in the order
// (channel, row, column); it is read and written through S × S filters, every channel alike. The outputs that place
// the grid are g̃_X, g̃_Y, ln σ², ln δ̃, ln γ.

export interface GridShape {
  C: number
  H: number
  W: number
  S: number
}

const EPSILON = 1e-8

/** F [S, size] along one side, with what its derivatives need. */
function bankOf(place: number, outputs: Values, size: number, { H, W, S }: GridShape) {
  const variance = Math.exp(outputs[2])
  const stride = ((Math.max(H, W) - 1) / (S - 1)) * Math.exp(outputs[3])
  const filters = new Float64Array(S * size)
  const ranks = Float64Array.from({ length: S }, (_, i) => i + 1 - S / 2 - 0.5)
  const centers = ranks.map((rank) => 0.5 * (size + 1) * (place + 1) + rank * stride)
  for (let i = 0; i < S; i++) {
    const row = Float64Array.from({ length: size }, (_, a) => Math.exp(-((a + 1 - centers[i]) ** 2) / (2 * variance)))
    const sum = row.reduce((total, value) => total + value, EPSILON)
    row.forEach((value, a) => (filters[i * size + a] = value / sum))
  }
  return { filters, centers, ranks, variance, stride, size }
}

/** Both banks of filters, and the intensity γ. */
export function filterBanks(outputs: Values, shape: GridShape) {
  return {
    across: bankOf(outputs[0], outputs, shape.W, shape),
    down: bankOf(outputs[1], outputs, shape.H, shape),
    intensity: Math.exp(outputs[4]),
  }
}

/** γ F_Y v F_Xᵀ of every channel, (C, S, S) */
export function readForward(image: Values, outputs: Values, shape: GridShape): Float64Array {
  const { C, H, W, S } = shape
  const { across, down, intensity } = filterBanks(outputs, shape)
  const glimpse = new Float64Array(C * S * S)
  forEach([C, S, S, H, W], (c, i, j, b, a) => {
    const weight = down.filters[i * H + b] * across.filters[j * W + a]
    glimpse[(c * S + i) * S + j] += intensity * weight * image[(c * H + b) * W + a]
  })
  return glimpse
}

/** dv = γ F_Yᵀ dr F_X, and the gradient by the outputs */
export function readBackward(image: Values, outputs: Values, dGlimpse: Values, shape: GridShape) {
  const { C, H, W, S } = shape
  const { across, down, intensity } = filterBanks(outputs, shape)
  const dImage = new Float64Array(C * H * W)
  const dAcross = new Float64Array(S * W)
  const dDown = new Float64Array(S * H)
  let dLogIntensity = 0
  forEach([C, S, S, H, W], (c, i, j, b, a) => {
    const dr = intensity * dGlimpse[(c * S + i) * S + j]
    const [y, x] = [down.filters[i * H + b], across.filters[j * W + a]]
    const pixel = image[(c * H + b) * W + a]
    dImage[(c * H + b) * W + a] += dr * y * x
    dDown[i * H + b] += dr * pixel * x
    dAcross[j * W + a] += dr * pixel * y
    dLogIntensity += dr * pixel * x * y
  })
  return { dImage, dOutputs: outputGradient(outputs, dAcross, dDown, dLogIntensity, shape) }
}

/** γ⁻¹ F_Yᵀ w F_X of every channel, (C, H, W) */
export function writeForward(patch: Values, outputs: Values, shape: GridShape): Float64Array {
  const { C, H, W, S } = shape
  const { across, down, intensity } = filterBanks(outputs, shape)
  const strokes = new Float64Array(C * H * W)
  forEach([C, S, S, H, W], (c, i, j, b, a) => {
    const weight = down.filters[i * H + b] * across.filters[j * W + a]
    strokes[(c * H + b) * W + a] += (weight * patch[(c * S + i) * S + j]) / intensity
  })
  return strokes
}

/** dw = γ⁻¹ F_Y dv F_Xᵀ, and the gradient by the outputs */
export function writeBackward(patch: Values, outputs: Values, dStrokes: Values, shape: GridShape) {
  const inverse = [...Array.from(outputs).slice(0, 4), -outputs[4]]
  const { dImage: dPatch, dOutputs } = transposed(patch, inverse, dStrokes, shape)
  dOutputs[4] = -dOutputs[4]
  return { dPatch, dOutputs }
}

/** Writing is the transpose of reading: Σ dv · write(w) = Σ w · read(dv) at intensity 1/γ. */
function transposed(patch: Values, outputs: Values, dStrokes: Values, shape: GridShape) {
  const { dOutputs } = readBackward(dStrokes, outputs, patch, shape)
  return { dImage: readForward(dStrokes, outputs, shape), dOutputs }
}

function outputGradient(
  outputs: Values,
  dAcross: Float64Array,
  dDown: Float64Array,
  dLogIntensity: number,
  shape: GridShape,
): Float64Array {
  const { across, down } = filterBanks(outputs, shape)
  const gradient = new Float64Array(5)
  for (const [axis, bank, d] of [[0, across, dAcross], [1, down, dDown]] as const) {
    const { filters, centers, ranks, variance, stride, size } = bank
    for (let i = 0; i < shape.S; i++) {
      let mean = 0
      for (let a = 0; a < size; a++) mean += d[i * size + a] * filters[i * size + a]
      for (let a = 0; a < size; a++) {
        const distance = a + 1 - centers[i]
        const share = filters[i * size + a] * (d[i * size + a] - mean)
        const dCenter = (share * distance) / variance
        gradient[axis] += dCenter * 0.5 * (size + 1)
        gradient[2] += (share * distance ** 2) / (2 * variance)
        gradient[3] += dCenter * ranks[i] * stride
      }
    }
  }
  gradient[4] = dLogIntensity
  return gradient
}

function forEach(sizes: readonly number[], visit: (...places: number[]) => void, places: number[] = []): void {
  if (places.length === sizes.length) return visit(...places)
  for (let k = 0; k < sizes[places.length]; k++) forEach(sizes, visit, [...places, k])
}

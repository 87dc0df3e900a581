// Hammer's map of the unit sphere (1892): equal areas of the sphere are equal areas of the map, an ellipse twice as
// wide as high. Places on the map are [across, up], each from −1 to 1; [0, 0] is (1, 0, 0), up is the third axis, and
// the seam runs through (−1, 0, 0).

/** Where a point of the sphere lies on the map. */
export function toMap([x, y, z]: ArrayLike<number> & Iterable<number>): [across: number, up: number] {
  const longitude = Math.atan2(y, x)
  const radius = Math.hypot(x, y)
  const shrink = 1 / Math.sqrt(1 + radius * Math.cos(longitude / 2))
  return [radius * Math.sin(longitude / 2) * shrink, z * shrink]
}

/** The reverse; nothing for a place outside the ellipse. */
export function fromMap(across: number, up: number): [x: number, y: number, z: number] | undefined {
  const square = across ** 2 + up ** 2
  if (square > 1) return undefined
  const q = Math.sqrt(1 - square / 2)
  const z = Math.SQRT2 * up * q
  const longitude = 2 * Math.atan2(Math.SQRT2 * across * q, 2 * q * q - 1)
  const radius = Math.sqrt(Math.max(0, 1 - z * z))
  return [radius * Math.cos(longitude), radius * Math.sin(longitude), z]
}

/** Meridians and parallels, 30° apart, as lines of places on the map. */
export function graticule(): [across: number, up: number][][] {
  const point = (longitude: number, latitude: number) => {
    const [turn, height] = [(longitude * Math.PI) / 180, (latitude * Math.PI) / 180]
    return toMap([Math.cos(height) * Math.cos(turn), Math.cos(height) * Math.sin(turn), Math.sin(height)])
  }
  const along = (from: number, to: number, at: (degrees: number) => [number, number]) =>
    Array.from({ length: 61 }, (_, i) => at(from + ((to - from) * i) / 60))
  const meridians = Array.from({ length: 11 }, (_, i) => along(-90, 90, (latitude) => point(30 * (i - 5), latitude)))
  const parallels = [-60, -30, 0, 30, 60].map((latitude) => along(-179.999, 179.999, (turn) => point(turn, latitude)))
  return [...meridians, ...parallels]
}

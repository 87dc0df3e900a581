// Which images are unlike what a model has learned, and how well their score tells a class that it has not seen.

/**
 * The area under the ROC curve: the probability that an image of the class scores higher than one of the others, ties
 * counting half (Mann-Whitney).
 */
export function auroc(scores: ArrayLike<number>, isAnomaly: (image: number) => boolean): number {
  const order = Array.from({ length: scores.length }, (_, image) => image).sort((a, b) => scores[a] - scores[b])
  let [above, below, wins] = [0, 0, 0]
  for (let from = 0; from < order.length; ) {
    let end = from
    while (end < order.length && scores[order[end]] === scores[order[from]]) end++
    const anomalies = order.slice(from, end).filter(isAnomaly).length
    const others = end - from - anomalies
    wins += anomalies * (below + others / 2)
    above += anomalies
    below += others
    from = end
  }
  return wins / (above * below)
}

/** The places of the `count` highest scores, the highest first, and of as many lowest, the lowest first. */
export function extremes(scores: ArrayLike<number>, count: number): { most: number[]; least: number[] } {
  const order = Array.from({ length: scores.length }, (_, image) => image).sort((a, b) => scores[b] - scores[a])
  return { most: order.slice(0, count), least: order.reverse().slice(0, count) }
}

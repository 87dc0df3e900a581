/** A part of a model's loss, of which its plans leave every image's. */
export interface LossPart {
  /** What `Loss` calls it. */
  readonly name: string
  /** Its weight in `total`, or that of the KL term, which training may choose; 0 where it only tells something. */
  readonly weight: number | 'klWeight'
  /** The part that counts the images that it is a mean over, where those are not all; that part is not shown. */
  readonly over?: string
}

/** Means over the same images, by part. A step by another objective than −ELBO also has `objective`, its total. */
export type LossMeans = Readonly<Record<string, number>>

/** What the parts come to. */
export function totalOf(parts: readonly LossPart[], means: LossMeans, klWeight: number): number {
  if ('objective' in means) return means.objective
  return parts.reduce((sum, { name, weight }) => {
    return weight === 0 ? sum : sum + (weight === 'klWeight' ? klWeight : weight) * means[name]
  }, 0)
}

/** The names of the parts that a loss has, in order. */
export function shownParts(parts: readonly LossPart[]): string[] {
  const counts = parts.map(({ over }) => over)
  return parts.map(({ name }) => name).filter((name) => !counts.includes(name))
}

/** The parts that a loss has; those over images of which there were none are left out. */
export function shownMeans(parts: readonly LossPart[], means: LossMeans): Record<string, number> {
  const shown = shownParts(parts).flatMap((name): [string, number][] => {
    const over = parts.find((part) => part.name === name)!.over
    if (over === undefined) return [[name, means[name]]]
    return means[over] > 0 ? [[name, means[name] / means[over]]] : []
  })
  return Object.fromEntries(shown)
}

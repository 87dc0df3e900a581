import type { OnnxGraph, Value } from '../../formats/onnx/graph.js'
import type { LikelihoodSpec, VaeSpec } from '../../model/spec.js'

/** Images `[batch, height, width, channels]` as the layers read them, `[batch, channels, height, width]`. */
export function channelsFirst(graph: OnnxGraph, images: Value): Value {
  return graph.transpose('images.channels_first', images, 0, 3, 1, 2)
}

/** What the decoder's output stands for, the mean of p(x|z), `[batch, height, width, channels]`. */
export function imagesOf(graph: OnnxGraph, { input: [h, w, c], likelihood }: VaeSpec, output: Value): Value {
  const planes = graph.reshape('output.planes', output, c, h, w)
  return graph.transpose('output.channels_last', meanOf(graph, likelihood, planes), 0, 2, 3, 1)
}

/** One-hot labels `[batch, classes]`. */
export function oneHot(graph: OnnxGraph, labels: Value, classes: number): Value {
  const offOn = graph.floats('off_on', { shape: [2], data: Float32Array.of(0, 1) })
  return graph.node('OneHot', 'labels.one_hot', [labels, graph.wholes(classes), offOn], { axis: -1 })
}

/** The label as constant planes behind an image's channels. */
export function withPlanes(graph: OnnxGraph, image: Value, label: Value, spec: VaeSpec): Value {
  const { input: [h, w], classes = 0 } = spec
  const column = graph.reshape('labels.column', label, classes, 1, 1)
  const planes = graph.node('Expand', 'labels.planes', [column, graph.wholes(1, 1, h, w)])
  return graph.node('Concat', 'encoder.labelled', [image, planes], { axis: 1 })
}

function meanOf(graph: OnnxGraph, likelihood: LikelihoodSpec, output: Value): Value {
  if (likelihood.type === 'gaussian') return output
  if (likelihood.type === 'bernoulli') return graph.node('Sigmoid', 'output.sigmoid', [output])
  return continuousBernoulliMean(graph, output)
}

/**
 * 1 / (1 − exp(−l)) − 1 / l, the mean of a continuous Bernoulli distribution with logit l (Loaiza-Ganem & Cunningham
 * 2019); near 0 its series, whose next term is below 1e-8 there.
 */
function continuousBernoulliMean(graph: OnnxGraph, l: Value): Value {
  const name = (part: string) => `output.mean.${part}`
  const of = (operator: string, part: string, ...inputs: Value[]) => graph.node(operator, name(part), inputs)
  const number = (value: number) => graph.scalar(value)
  const magnitude = of('Abs', 'magnitude', l)
  const size = of('Max', 'size', magnitude, number(0.5))
  const rest = of('Sub', 'rest', number(1), of('Exp', 'exp', of('Neg', 'minus', size)))
  const upper = of('Sub', 'upper', of('Reciprocal', 'first', rest), of('Reciprocal', 'second', size))
  const lower = of('Sub', 'lower', number(1), upper)
  const far = of('Where', 'far', of('Greater', 'positive', l, number(0)), upper, lower)
  const square = of('Mul', 'square', l, l)
  // ½ + l · (1/12 − l² · (1/720 − l² · (1/30240 − l² / 1209600)))
  const terms = [1 / 1209600, 1 / 30240, 1 / 720, 1 / 12].map(number)
  const slope = terms.reduce((sum, term, i) => of('Sub', `term.${i}`, term, of('Mul', `power.${i}`, square, sum)))
  const near = of('Add', 'near', number(0.5), of('Mul', 'tilt', l, slope))
  return of('Where', 'continuous', of('Less', 'small', magnitude, number(0.5)), near, far)
}

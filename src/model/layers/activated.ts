import type { Activation } from '../../ops/activation.js'
import type { Graph, Value } from '../graph.js'
export function fused(activation: Activation): Activation { return activation }
export function activated(x: Value, _activation: Activation, _name: string, _graph: Graph): Value { return x }

import * as assert from 'uvu/assert'
import type { Value } from '../../src/model/graph.js'
import { conv } from '../../src/model/layers/conv.js'
import { dense, denseProduct } from '../../src/model/layers/dense.js'
import type { Layer, LayerKind } from '../../src/model/layers/layer.js'
import { residual } from '../../src/model/layers/residual.js'
import type { ParameterSpec } from '../../src/model/parameters.js'
import { OrderGroups, type Shape } from '../../src/model/shapes.js'
import type { LayerSpec } from '../../src/model/spec.js'
import { ACTIVATIONS, type Activation } from '../../src/ops/activation.js'
import { elementCount } from '../../src/tensor.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { activationForward } from '../reference/activation.js'
import { relativeError } from '../reference/compare.js'
import { centralDifferences } from '../reference/differences.js'
import { seedOf, uniformArray } from '../reference/formula.js'
import { GraphBench } from '../support/run-graph.js'

// Graphs that a line of layers cannot express, held against central differences of the same in float64.

const test = suite('graph')

const BOUND = 2e-5 // of a gradient's norm: sums of some dozens of products in float32
const B = 5
const N = 6
const vectorOf = (size: number): Shape => ({ kind: 'vector', size, order: 'plain' })

type Params = Record<string, Float64Array>

/** Rows of uniform values. */
function rowsOf(name: string, width = N): number[][] {
  return Array.from({ length: B }, (_, n) => [...uniformArray(width, seedOf(name, n))])
}

function layer<S extends LayerSpec>(kind: LayerKind<S>, spec: S, input: Shape, name: string): Layer {
  const groups = new OrderGroups()
  const [made] = kind.resolve(spec, input, { path: name, name }, { groups, resolve: resolveInner(groups) })
  groups.settle()
  return made
}

function resolveInner(groups: OrderGroups) {
  return (specs: readonly LayerSpec[], input: Shape, placeOf: (i: number) => { path: string; name: string }) =>
    specs.flatMap((spec, i) => {
      const kind = (spec.type === 'dense' ? dense : conv) as LayerKind
      return kind.resolve(spec, input, placeOf(i), { groups, resolve: resolveInner(groups) })
    })
}

const denseLayer = (name: string, activation: Activation, units = N) =>
  layer(dense, { type: 'dense', units, activation }, vectorOf(N), name)

/** act(W x + b) of one row, in float64. */
function apply(params: Params, name: string, x: ArrayLike<number>, activation: Activation): Float64Array {
  const [w, b] = [params[`${name}.weight`], params[`${name}.bias`]]
  const sums = b.map((bias, o) => Array.from(x).reduce((sum, value, i) => sum + value * w[o * x.length + i], bias))
  return activationForward(sums, activation)
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i], 0)
const plus = (...terms: Float64Array[]) => terms[0].map((_, i) => terms.reduce((sum, term) => sum + term[i], 0))

/** Values for parameters, the same in both precisions. */
function valuesOf(specs: readonly ParameterSpec[]): Record<string, Float32Array> {
  return Object.fromEntries(
    specs.map(({ name, shape }) => [name, uniformArray(elementCount(shape), seedOf(name, 3), 0.6)]),
  )
}

/** Compares the gradients of these parameters with central differences of `objective`, summed over the rows. */
async function check(
  device: GPUDevice,
  bench: GraphBench,
  names: readonly string[],
  objective: (params: Params, row: number) => number,
): Promise<void> {
  const values = valuesOf(bench.specs)
  const gradients = await bench.run(device, values)
  const params = Object.fromEntries(Object.entries(values).map(([name, data]) => [name, Float64Array.from(data)]))
  for (const name of names) {
    const f = (probe: Float64Array) => {
      const at = { ...params, [name]: probe }
      return Array.from({ length: B }, (_, row) => objective(at, row)).reduce((sum, value) => sum + value, 0)
    }
    const error = relativeError(gradients[name], centralDifferences(f, params[name]))
    assert.ok(error <= BOUND, `${name} is off by ${error} of its norm, bound ${BOUND}`)
  }
}

const namesOf = (...layers: Layer[]) => layers.flatMap((made) => made.parameters().map(({ name }) => name))

for (const activation of ACTIVATIONS) {
  gpuTest(test, `a dense layer used three times: gradients add up (${activation})`, async ({ device }) => {
    const a = denseLayer('a', activation)
    const bench = new GraphBench(a.parameters())
    const [x, dy] = [rowsOf('x'), rowsOf('dy')]
    let y: Value = bench.input('x', x)
    for (let times = 0; times < 3; times++) y = a.forward(y, { graph: bench.graph })
    const seed = bench.tensor('dy', dy)
    bench.graph.backward([{ value: y, gradient: seed }])
    await check(device, bench, namesOf(a), (p, n) => {
      let h: ArrayLike<number> = x[n]
      for (let times = 0; times < 3; times++) h = apply(p, 'a', h, activation)
      return dot(h, dy[n])
    })
  })

  gpuTest(test, `a value read by three, one of them twice: what they send adds up (${activation})`, async ({ device }) => {
    const a = denseLayer('a', activation)
    const [b, c] = [denseLayer('b', 'tanh'), denseLayer('c', 'linear')]
    const layers: LayerSpec[] = [{ type: 'dense', units: N, activation: 'sigmoid' }]
    const r = layer(residual, { type: 'residual', layers, activation: 'tanh' }, vectorOf(N), 'r')
    const bench = new GraphBench([a, b, c, r].flatMap((made) => made.parameters()))
    const { graph } = bench
    const x = rowsOf('x')
    const h = a.forward(bench.input('x', x), { graph })
    const outputs = [b, r, c].map((reader) => reader.forward(h, { graph }))
    const dys = outputs.map((_, i) => rowsOf(`dy${i}`))
    const seeds = outputs.map((value, i) => ({ value, gradient: bench.tensor(`dy${i}`, dys[i]) }))
    graph.backward(seeds)
    await check(device, bench, namesOf(a, b, c, r), (p, n) => {
      const hidden = apply(p, 'a', x[n], activation)
      const sum = activationForward(plus(hidden, apply(p, 'r.0', hidden, 'sigmoid')), 'tanh')
      const ys = [apply(p, 'b', hidden, 'tanh'), sum, apply(p, 'c', hidden, 'linear')]
      return ys.reduce((total, y, i) => total + dot(y, dys[i][n]), 0)
    })
  })
}

gpuTest(test, 'a value that is an output itself and has readers', async ({ device }) => {
  const [a, b] = [denseLayer('a', 'tanh'), denseLayer('b', 'relu')]
  const bench = new GraphBench([a, b].flatMap((made) => made.parameters()))
  const { graph } = bench
  const [x, dh, dy] = [rowsOf('x'), rowsOf('dh'), rowsOf('dy')]
  const h = a.forward(bench.input('x', x), { graph })
  const y = b.forward(h, { graph })
  graph.backward([{ value: h, gradient: bench.tensor('dh', dh) }, { value: y, gradient: bench.tensor('dy', dy) }])
  await check(device, bench, namesOf(a, b), (p, n) => {
    const hidden = apply(p, 'a', x[n], 'tanh')
    return dot(hidden, dh[n]) + dot(apply(p, 'b', hidden, 'relu'), dy[n])
  })
})

gpuTest(test, 'a frozen layer passes the gradient on and gets none', async ({ device }) => {
  const [a, d, e] = [denseLayer('a', 'relu'), denseLayer('d', 'tanh'), denseLayer('e', 'linear', 3)]
  const bench = new GraphBench([a, d, e].flatMap((made) => made.parameters()))
  const { graph } = bench
  const [x, dy] = [rowsOf('x'), rowsOf('dy', 3)]
  const y = e.forward(d.forward(a.forward(bench.input('x', x), { graph }), { graph }), { graph })
  graph.backward([{ value: y, gradient: bench.tensor('dy', dy) }], { wants: (path) => path === 'a' })
  const gradients = await bench.run(device, valuesOf(bench.specs))
  for (const name of namesOf(d, e)) assert.ok(gradients[name].every(Number.isNaN), `${name} was written`)
  await check(device, bench, namesOf(a), (p, n) => {
    return dot(apply(p, 'e', apply(p, 'd', apply(p, 'a', x[n], 'relu'), 'tanh'), 'linear'), dy[n])
  })
})

gpuTest(test, 'no dispatch is spent on a branch that leads to nothing asked for', async () => {
  const [a, b] = [denseLayer('a', 'relu'), denseLayer('b', 'tanh')]
  const bench = new GraphBench([a, b].flatMap((made) => made.parameters()))
  const { graph } = bench
  const x = bench.input('x', rowsOf('x'))
  const y = a.forward(x, { graph })
  const z = b.forward(graph.detach(y), { graph })
  const seed = bench.tensor('dy', rowsOf('dy'))
  graph.backward([{ value: z, gradient: seed }])
  const dispatches = bench.builder.build().dispatches.map(({ kernel }) => kernel.replace(/_(narrow|wide)$/, ''))
  assert.equal(dispatches, ['dense_forward', 'dense_forward', 'activation_backward', 'dense_backward'])
  assert.match(bench.builder.build().dispatches[3].shape, /dw$/)
})

gpuTest(test, 'two objectives over disjoint parameters share the forward pass', async ({ device }) => {
  const [a, d] = [denseLayer('a', 'tanh'), denseLayer('d', 'tanh')]
  const bench = new GraphBench([a, d].flatMap((made) => made.parameters()))
  const { graph } = bench
  const [x, first, second] = [rowsOf('x'), rowsOf('first'), rowsOf('second')]
  const y = d.forward(a.forward(bench.input('x', x), { graph }), { graph })
  graph.backward([{ value: y, gradient: bench.tensor('first', first) }], { wants: (path) => path === 'a' })
  graph.backward([{ value: y, gradient: bench.tensor('second', second) }], { wants: (path) => path === 'd' })
  const output = (p: Params, n: number) => apply(p, 'd', apply(p, 'a', x[n], 'tanh'), 'tanh')
  await check(device, bench, namesOf(a), (p, n) => dot(output(p, n), first[n]))
  await check(device, bench, namesOf(d), (p, n) => dot(output(p, n), second[n]))
})

gpuTest(test, 'the gradient by a value that no node makes goes on where that came from', async ({ device }) => {
  const [a, d] = [denseLayer('a', 'tanh'), denseLayer('d', 'tanh')]
  const bench = new GraphBench([a, d].flatMap((made) => made.parameters()))
  const { graph } = bench
  const [x, dy] = [rowsOf('x'), rowsOf('dy')]
  const h = a.forward(bench.input('x', x), { graph })
  const leaf = { ...graph.detach(h), activation: 'linear' as const }
  const y = d.forward(leaf, { graph })
  const gradient = graph.backward([{ value: y, gradient: bench.tensor('dy', dy) }], { by: leaf })!
  graph.backward([{ value: h, gradient }], { wants: (path) => path === 'a' })
  await check(device, bench, namesOf(a, d), (p, n) => dot(apply(p, 'd', apply(p, 'a', x[n], 'tanh'), 'tanh'), dy[n]))
})

for (const batches of [1, 2, 3]) {
  gpuTest(test, `the first ${batches} of three stacked batches take part in an objective`, async ({ device }) => {
    const [a, d] = [denseLayer('a', 'silu'), denseLayer('d', 'tanh')]
    const bench = new GraphBench([a, d].flatMap((made) => made.parameters()))
    const { graph } = bench
    const nothing = Array.from({ length: 8 - B }, () => new Array<number>(N).fill(0))
    const stack = (name: string) => [0, 1, 2].flatMap((u) => [...rowsOf(`${name}${u}`), ...nothing])
    const [x, dy] = [stack('x'), stack('dy')]
    const y = d.forward(a.forward({ ...bench.input('x', x), batches: 3 }, { graph }), { graph })
    const gradient = bench.tensor('dy', dy.slice(0, 8 * batches))
    graph.backward([{ value: y, gradient }], { batches })
    const output = (p: Params, n: number) => apply(p, 'd', apply(p, 'a', x[n], 'silu'), 'tanh')
    await check(device, bench, namesOf(a, d), (p, n) => {
      return [0, 8, 16].slice(0, batches).reduce((sum, first) => sum + dot(output(p, first + n), dy[first + n]), 0)
    })
  })
}

gpuTest(test, 'a convolution used twice, around and inside a residual', async ({ device }) => {
  const image: Shape = { kind: 'image', h: 3, w: 2, c: 4 }
  const c = layer(conv, { type: 'conv', filters: 4, kernel: 1, activation: 'tanh' }, image, 'c')
  const bench = new GraphBench(c.parameters())
  const { graph } = bench
  const [x, dy] = [rowsOf('x', 24), rowsOf('dy', 24)]
  const once = c.forward(bench.input('x', x), { graph })
  const twice = c.forward(once, { graph })
  const [d1, d2] = [bench.tensor('d1', dy), bench.tensor('d2', dy)]
  graph.backward([{ value: once, gradient: d1 }, { value: twice, gradient: d2 }])
  await check(device, bench, namesOf(c), (p, n) => {
    const pixels = (values: ArrayLike<number>) => {
      const out = new Float64Array(24)
      for (let at = 0; at < 24; at += 4) out.set(apply(p, 'c', Array.from(values).slice(at, at + 4), 'tanh'), at)
      return out
    }
    const h = pixels(x[n])
    return dot(h, dy[n]) + dot(pixels(h), dy[n])
  })
})

gpuTest(test, 'several heads are one product', async ({ device }) => {
  const [a, b] = [denseLayer('a', 'linear', 4), denseLayer('b', 'linear', 4)]
  const first = a.parameters()
  const second = b.parameters().map((spec, i) => ({ ...spec, behind: first[i].name }))
  const bench = new GraphBench([...first, ...second])
  const [x, dy] = [rowsOf('x'), rowsOf('dy', 8)]
  const y = denseProduct(bench.graph, bench.input('x', x), ['a', 'b'], { I: N, O: 8 }, 'tanh', { y: 'y', dx: 'dx' })
  bench.graph.backward([{ value: y, gradient: bench.tensor('dy', dy) }])
  await check(device, bench, namesOf(a, b), (p, n) => {
    return dot([...apply(p, 'a', x[n], 'tanh'), ...apply(p, 'b', x[n], 'tanh')], dy[n])
  })
})

test.run()

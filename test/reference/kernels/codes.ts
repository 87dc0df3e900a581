import {
  codeForward, codeLoss, codeSample, embeddingBackward, gateBackward, gateBackwardWeight, gateForward,
} from '../../../src/ops/codes.js'
import { padTo4 } from '../../../src/ops/dispatch.js'
import { MOST_STEPS } from '../../../src/schedule/step.js'
import { threefry2x32, uniformFromBits } from '../../../src/random.js'
import { codeLoss as lossOf, gate, gateDerivatives, sampledCode } from '../codes.js'
import { hash } from '../formula.js'
import {
  FUNCTION_BOUND, rowsOf, SUM_BOUND, tensors,
  type Constants, type Expected, type Given, type KernelCase, type Size, type Words,
} from './case.js'

// Codes are words (B, P4(P)), logits (B, P4(P·K)), a gate's input (B, P4(P·2C)).

const NO_CODE = 0xffffffff

/** A code below K for every position. */
function codesOf(B: number, P: number, K: number, seed: number): Uint32Array {
  const stride = padTo4(P)
  return Uint32Array.from({ length: B * stride }, (_, i) => (i % stride < P ? hash(i, seed) % K : NO_CODE))
}

function words(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length)
}

/** The float of the same bits: tensors of words are compared as floats. */
function asFloat(word: number): number {
  return new Float32Array(Uint32Array.of(word).buffer)[0]
}

/** codes[n,p] = x[n,p], NO_CODE in the padding */
const codeForwardCase: KernelCase = {
  kernel: 'code_forward',
  inputs: ({ B, P }, seed) => ({ x: Float32Array.from({ length: B * padTo4(P) }, (_, i) => hash(i, seed) % 70000) }),
  expected: ({ constants: { P }, before: { x }, places }) =>
    places('codes').map((index): Expected => {
      const word = index % padTo4(P) < P ? x[index] : NO_CODE
      return { output: 'codes', index, value: asFloat(word), bound: 0 }
    }),
  dispatches: (size) => {
    const { t, B, P } = sizesOf(size)
    return [codeForward({ ...t, x: t.values }, { B, P })]
  },
}

/** dtable[k] = Σ dy[n,p] over the positions of code k */
const embeddingCase: KernelCase = {
  kernel: 'embedding_backward',
  inputs: ({ P, D, K }, seed, { codes }) => {
    const B = codes.elements / padTo4(P)
    return { z: rowsOf('z', seed, B, P * D), codes: codesOf(B, P, K, seed) }
  },
  expected: ({ constants: { P, D, K }, step, before: { z, codes }, places }) =>
    places('dtable').map((index): Expected => {
      const [k, d] = [Math.floor(index / padTo4(D)), index % padTo4(D)]
      if (k >= K || d >= D) return { output: 'dtable', index, value: 0, bound: 0 }
      let [value, size] = [0, 0]
      for (let n = 0; n < step.batch; n++) {
        for (let p = 0; p < P; p++) {
          if (words(codes)[n * padTo4(P) + p] !== k) continue
          const term = z[n * padTo4(P * D) + p * D + d]
          value += term
          size += Math.abs(term)
        }
      }
      return { output: 'dtable', index, value, bound: SUM_BOUND * size + 1e-7 }
    }),
  dispatches: (size) => {
    const { t, B, P, C, K } = sizesOf(size)
    return [embeddingBackward({ ...t, dy: t.y }, { B, P, D: C, K })]
  },
}

/** The inputs of a gate, with labels behind the classes' rows. */
function gateInputs({ B, P, C, LABELED }: Constants, seed: number, w: { elements: number }): Record<string, Words> {
  const x = rowsOf('x', seed, B, P * 2 * C, 2)
  if (!LABELED) return { x }
  const rows = w.elements / padTo4(2 * C)
  return { x, w: rowsOf('w', seed, rows, 2 * C), labels: Uint32Array.from({ length: B }, (_, n) => hash(n, seed) % rows) }
}

/** tanh's and sigmoid's arguments for value i < P·C of row n. */
function gateArguments({ constants: { P, C, LABELED }, before: { x, w, labels } }: Given, n: number, i: number) {
  const at = n * padTo4(P * 2 * C) + Math.floor(i / C) * 2 * C + (i % C)
  const own = (channel: number) => (LABELED ? w[words(labels)[n] * padTo4(2 * C) + channel] : 0)
  return { a: x[at] + own(i % C), b: x[at + C] + own(C + (i % C)) }
}

/** y = tanh(a) · sigmoid(b), 0 in the padding */
const gateForwardCase: KernelCase = {
  kernel: 'gate_forward',
  inputs: (constants, seed, { w }) => gateInputs(constants, seed, w),
  expected: (given) => {
    const { constants: { P, C }, places } = given
    const stride = padTo4(P * C)
    return places('y').map((index): Expected => {
      const i = index % stride
      if (i >= P * C) return { output: 'y', index, value: 0, bound: 0 }
      const { a, b } = gateArguments(given, Math.floor(index / stride), i)
      return { output: 'y', index, value: gate(a, b), bound: FUNCTION_BOUND }
    })
  },
  dispatches: (size) => {
    const { t, B, P, C } = sizesOf(size)
    return [gateForward(t, { B, P, C }), gateForward(t, { B, P, C }, t)]
  },
}

/** dx[a] = dy · sigmoid(b) · tanh'(a); dx[b] = dy · tanh(a) · sigmoid'(b); 0 in the padding */
const gateBackwardCase: KernelCase = {
  kernel: 'gate_backward',
  inputs: (constants, seed, { w }) => ({
    ...gateInputs(constants, seed, w),
    dy: rowsOf('dy', seed, constants.B, constants.P * constants.C),
  }),
  expected: (given) => {
    const { constants: { P, C }, before: { dy }, places } = given
    const stride = padTo4(P * 2 * C)
    return places('dx').map((index): Expected => {
      const [n, i] = [Math.floor(index / stride), index % stride]
      if (i >= P * 2 * C) return { output: 'dx', index, value: 0, bound: 0 }
      const channel = i % (2 * C)
      const at = Math.floor(i / (2 * C)) * C + (channel % C)
      const { a, b } = gateArguments(given, n, at)
      const { da, db } = gateDerivatives(a, b)
      const value = dy[n * padTo4(P * C) + at] * (channel < C ? da : db)
      return { output: 'dx', index, value, bound: FUNCTION_BOUND }
    })
  },
  dispatches: (size) => {
    const { t, B, P, C } = sizesOf(size)
    return [gateBackward(t, { B, P, C }), gateBackward(t, { B, P, C }, t)]
  },
}

/** dw[k] = Σ dx over the images of class k and their positions */
const gateWeightCase: KernelCase = {
  kernel: 'gate_backward_weight',
  inputs: ({ P, J, K }, seed, { dx, labels }) => ({
    dx: rowsOf('dx', seed, dx.elements / padTo4(P * J), P * J),
    labels: Uint32Array.from({ length: labels.elements }, (_, n) => hash(n, seed) % K),
  }),
  expected: ({ constants: { P, J, K }, step, before: { dx, labels }, places }) =>
    places('dw').map((index): Expected => {
      const [k, j] = [Math.floor(index / padTo4(J)), index % padTo4(J)]
      if (k >= K || j >= J) return { output: 'dw', index, value: 0, bound: 0 }
      let [value, size] = [0, 0]
      for (let n = 0; n < step.batch; n++) {
        if (words(labels)[n] !== k) continue
        for (let p = 0; p < P; p++) {
          const term = dx[n * padTo4(P * J) + p * J + j]
          value += term
          size += Math.abs(term)
        }
      }
      return { output: 'dw', index, value, bound: SUM_BOUND * size + 1e-7 }
    }),
  dispatches: (size) => {
    const { t, B, P, C, classes } = sizesOf(size)
    return [gateBackwardWeight({ ...t, dw: t.w }, { B, P, C, K: classes })]
  },
}

/** −Σ_p ln softmax(l[n,p])[codes[n,p]], and with GRADIENT its gradient in place of l */
const lossCase: KernelCase = {
  kernel: 'code_loss',
  inPlace: ['l'],
  idle: ({ GRADIENT }) => (GRADIENT ? [] : ['l']),
  inputs: ({ B, P, K }, seed) => ({ l: rowsOf('l', seed, B, P * K, 4), codes: codesOf(B, P, K, seed) }),
  expected: (given) => {
    const { constants: { B, P, K, GRADIENT }, step, before: { l, codes }, places } = given
    const stride = padTo4(P * K)
    const ofImage = (n: number) => {
      const own = words(codes).subarray(n * padTo4(P), n * padTo4(P) + P)
      return lossOf(l.subarray(n * stride, n * stride + P * K), own, K)
    }
    const images = Array.from({ length: B }, (_, n) => ofImage(n))
    const losses = places('losses').filter((n) => n < step.batch).map((n): Expected => {
      return { output: 'losses', index: n, value: images[n].loss, bound: P * FUNCTION_BOUND }
    })
    const logits = places('l').map((index): Expected => {
      const [n, i] = [Math.floor(index / stride), index % stride]
      if (!GRADIENT || i >= P * K) return { output: 'l', index, value: l[index], bound: 0 }
      const value = n < step.batch ? step.scale * images[n].gradient[i] : 0
      return { output: 'l', index, value, bound: step.scale * FUNCTION_BOUND }
    })
    return [...losses, ...logits]
  },
  dispatches: (size) => {
    const { t, B, P, K } = sizesOf(size)
    return [codeLoss(t, { B, P, K }, true), codeLoss(t, { B, P, K }, false)]
  },
}

/** The code at the step's position; another one only where the draw is as near to it as rounding is. */
const sampleCase: KernelCase = {
  kernel: 'code_sample',
  inputs: ({ B, P, K }, seed) => ({ l: rowsOf('l', seed, B, P * K, 4) }),
  expected: ({ constants: { B, P, K }, step, before: { l }, after, places }) =>
    places('codes').filter((index) => index < B * padTo4(P)).map((index): Expected => {
      const [n, p] = [Math.floor(index / padTo4(P)), index % padTo4(P)]
      if (p !== step.cursor) return { output: 'codes', index, value: 0, bound: 0 }
      const logits = l.subarray(n * padTo4(P * K) + p * K, n * padTo4(P * K) + (p + 1) * K)
      const u = uniformFromBits(threefry2x32(...step.seed, (step.noiseRows ?? 0) + n, p)[0])
      const found = words(after.codes)[index]
      const near = [-1, 0, 1].map((sign) => sampledCode(logits, step.scale, u + sign * FUNCTION_BOUND))
      return { output: 'codes', index, value: asFloat(near.includes(found) ? found : near[1]), bound: 0 }
    }),
  dispatches: (size) => {
    const { t, B, P, K } = sizesOf(size)
    return [codeSample(t, { B, P, K })]
  },
}

function sizesOf({ B, of }: Size) {
  const { P, C, K, classes } = of({ P: 15, C: 5, K: 7, classes: 3 }, { P: 64, C: 64, K: 512, classes: 10 })
  const [codes, input, map] = [B * padTo4(P), B * padTo4(P * 2 * C), B * padTo4(P * C)]
  const maps = { codes, values: codes, x: input, dx: input, y: map, dy: map, logits: B * padTo4(P * K), labels: B }
  const table = padTo4(K) * padTo4(C)
  const w = padTo4(classes) * padTo4(2 * C)
  const t = tensors({ ...maps, dtable: table, w, losses: MOST_STEPS * B, status: 1 })
  return { t, B, P, C, K, classes }
}

export const codeCases: KernelCase[] = [
  codeForwardCase, embeddingCase, gateForwardCase, gateBackwardCase, gateWeightCase, lossCase, sampleCase,
]

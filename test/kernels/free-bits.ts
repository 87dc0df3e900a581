import * as assert from 'uvu/assert'
import { padRows, padTo4 } from '../../src/ops/dispatch.js'
import { freeBitsLoss, reparameterizeBackward } from '../../src/ops/latent.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { uniformArray } from '../reference/formula.js'
import { freeBitsForward } from '../reference/importance.js'
import { klForward } from '../reference/latent.js'
import { expectSame, expectSameBits, expectWithin, sumBounds, U, ULP } from '../support/bounds.js'
import { padHeads } from '../support/matrix.js'
import { runKernels } from '../support/run-kernel.js'

const test = suite('free_bits_loss')
const backward = suite('reparameterize_backward with free bits')

/** Every other dimension's posterior is close to the prior. */
const cases = [
  { B: 1, Z: 1 },
  { B: 3, Z: 2 },
  { B: 8, Z: 5 },
  { B: 13, Z: 17 },
  { B: 104, Z: 20 },
  { B: 5, Z: 301 }, // more vectors than lanes
]

const SLOT = 1
const KL_WEIGHT = 0.7
const FREE_BITS = 0.2

for (const { B, Z } of cases) {
  gpuTest(test, `matches the reference at B=${B} Z=${Z}`, async ({ device }) => {
    const R = padRows(B)
    const size = (i: number) => ((i % Z) % 2 === 0 ? 2 : 0.2)
    const mean = uniformArray(R * Z, 1).map((value, i) => value * size(i))
    const logVariance = uniformArray(R * Z, 2).map((value, i) => value * size(i))
    const rowLosses = uniformArray(4 * R, 3, 100)
    const contents = { head: padHeads(mean, logVariance, R, Z), rowLosses, losses: 6 * R, kept: padTo4(Z) }
    const step = { batch: B, slot: SLOT, scale: 1 / B, klWeight: KL_WEIGHT }
    const result = await runKernels(device, contents, (t) => freeBitsLoss(t, { B: R, Z }, FREE_BITS), step)

    const column = (values: Float32Array, j: number) => Float64Array.from({ length: B }, (_, n) => values[n * Z + j])
    const kl = Float64Array.from({ length: Z }, (_, j) => klForward(column(mean, j), column(logVariance, j)) / B)
    const kept = Array.from(kl, (value) => Number(value > FREE_BITS))
    if (Z > 1) assert.ok(kept.includes(0) && kept.includes(1), 'the case tells nothing')
    expectSame(result.kept.subarray(0, Z), kept, 'kept')
    const part = (from: Float32Array, parts: number, at: number) => {
      return from.subarray((parts * SLOT + at) * R, (parts * SLOT + at + 1) * R)
    }
    const reconstruction = part(rowLosses, 2, 0)
    expectSameBits(part(result.losses, 3, 0), reconstruction, 'reconstruction')
    expectSameBits(part(result.losses, 3, 1), part(rowLosses, 2, 1), 'kl')
    const term = Math.fround(KL_WEIGHT) * freeBitsForward(kl, FREE_BITS)
    const objective = Float64Array.from(reconstruction, (value) => value + term)
    // A value of the KL is at most ½ (exp(2) + 4 + 1 + 2) and exp 3 + 2·2 ULP off.
    const bound = sumBounds(B * Z, [term + 7.2 * Z])[0] + 7 * ULP * term + 2 * U * 100
    expectWithin(part(result.losses, 3, 2), objective, new Float64Array(R).fill(bound), 'objective')
  })

  gpuTest(backward, `leaves out the KL of the dimensions that are not kept at B=${B} Z=${Z}`, async ({ device }) => {
    const R = padRows(B)
    const head = padHeads(uniformArray(R * Z, 1), uniformArray(R * Z, 2), R, Z)
    const kept = Float32Array.from({ length: padTo4(Z) }, (_, j) => j % 2)
    const [dz, noise] = [uniformArray(R * padTo4(Z), 3), uniformArray(R * padTo4(Z), 4)]
    const contents = { dz, head, noise, kept, dhead: head.length }
    const run = async (klWeight: number, mask: boolean) => {
      const dispatch = (t: Record<keyof typeof contents, Parameters<typeof reparameterizeBackward>[0]['dz']>) =>
        reparameterizeBackward({ ...t, kept: mask ? t.kept : undefined }, { B: R, Z })
      return (await runKernels(device, contents, dispatch, { batch: B, scale: 1 / B, klWeight })).dhead
    }
    const [all, none, some] = [await run(KL_WEIGHT, false), await run(0, false), await run(KL_WEIGHT, true)]
    const expected = some.map((_, i) => (kept[i % padTo4(Z)] ? all[i] : none[i]))
    expectSame(some, expected, 'dhead')
  })
}

test.run()
backward.run()

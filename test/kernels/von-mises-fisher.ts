import * as assert from 'uvu/assert'
import { padRows, padTo4 } from '../../src/ops/dispatch.js'
import { reparameterizeForward } from '../../src/ops/latent.js'
import {
  SPHERE_SAVED, sphereHeadWidth, sphereNoiseWidth, vmfBackward, vmfForward,
} from '../../src/ops/von-mises-fisher.js'
import { streamKey, STREAMS, threefry2x32, uniformInside } from '../../src/random.js'
import { loadSphereFixtures, type SphereFixture } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { normalArray, uniform, uniformArray } from '../reference/formula.js'
import * as reference from '../reference/von-mises-fisher.js'
import { expectSame, expectSameBits, expectWithin } from '../support/bounds.js'
import { padExpected, padMatrix } from '../support/matrix.js'
import { bitsOf, runKernels, runTilings } from '../support/run-kernel.js'

const forward = suite('vmf_forward')
const backward = suite('vmf_backward')

interface Case {
  B: number
  size: number
  samples: number
  /** Fixed, unless 0. */
  concentration: number
}

const cases: Case[] = [
  { B: 1, size: 3, samples: 1, concentration: 0 },
  { B: 13, size: 3, samples: 1, concentration: 80 },
  { B: 3, size: 4, samples: 5, concentration: 0 },
  { B: 8, size: 17, samples: 1, concentration: 0 },
  { B: 5, size: 50, samples: 3, concentration: 0.5 },
  { B: 3, size: 128, samples: 1, concentration: 0 },
]

const SLOT = 1
const KL_WEIGHT = 0.7

/** Outputs that give κ = 1 + softplus(output). */
function outputFor(kappa: number): number {
  return kappa > 30 ? kappa - 1 : kappa <= 1 ? -100 : Math.log(Math.expm1(kappa - 1))
}

/** Heads and noise of a case, and what a row of them is. */
function inputsOf({ B, size, samples, concentration }: Case) {
  const [images, rows] = [padRows(B), padRows(B * samples)]
  const fixed = concentration || undefined
  const width = sphereHeadWidth(size, fixed)
  const means = uniformArray(images * size, 1, 3)
  const outputs = uniformArray(images, 2, 4).map((value) => value * Math.abs(value) * 4) // κ from 1 to 65
  const head = new Float32Array(images * width)
  for (let n = 0; n < images; n++) {
    head.set(means.subarray(n * size, (n + 1) * size), n * width)
    if (!fixed) head[n * width + padTo4(size)] = outputs[n]
  }
  const noise = normalArray(rows * (size + 1), 3)
  for (let row = 0; row < rows; row++) noise[row * (size + 1)] = uniform(row, 4)
  const row = (at: number) => {
    const n = Math.floor(at / samples)
    return {
      n,
      mean: means.subarray(n * size, (n + 1) * size),
      output: outputs[n],
      kappa: fixed ?? reference.concentrationOf(outputs[n]),
      noise: noise.subarray(at * (size + 1), (at + 1) * (size + 1)),
    }
  }
  const shape = { size, samples, concentration: fixed }
  return { images, rows, head, noise: padMatrix(noise, rows, size + 1), row, shape, width }
}

const outputsOf = (rows: number, size: number) => ({
  z: rows * padTo4(size),
  saved: rows * SPHERE_SAVED,
  losses: 4 * rows,
  status: new Uint32Array(1),
})

gpuTest(forward, 'gives what 50 digits give, κ from 1 to 10,000, size 3 to 128, u from 1e-6 on', async ({ device }) => {
  const bySize = new Map<number, SphereFixture[]>()
  for (const one of await loadSphereFixtures()) bySize.set(one.size, [...(bySize.get(one.size) ?? []), one])
  for (const [size, fixtures] of bySize) {
    const all = fixtures.flatMap((one) => one.quantiles.map(([u, y, dyByKappa]) => ({ ...one, u, y, dyByKappa })))
    const rows = all.length
    assert.is(rows % 8, 0)
    const head = new Float32Array(rows * sphereHeadWidth(size))
    const noise = padMatrix(normalArray(rows * (size + 1), 1), rows, size + 1)
    all.forEach(({ kappa, u }, row) => {
      head[row * sphereHeadWidth(size) + row % size] = 1
      head[row * sphereHeadWidth(size) + padTo4(size)] = outputFor(kappa)
      noise[row * sphereNoiseWidth(size)] = u
    })
    for (const sampled of [false, true]) {
      const contents = { head, noise, ...outputsOf(rows, size) }
      const dispatch = (t: Parameters<typeof vmfForward>[0]) => vmfForward(t, { B: rows, size }, 'given', sampled)
      for (const { saved, losses, status } of await runTilings(device, contents, dispatch, { batch: rows })) {
        const part = (k: number) => all.map((_, row) => saved[row * SPHERE_SAVED + k])
        const omegas = all.map(({ y }) => Math.tanh(y))
        const sines = all.map(({ y }) => 1 / Math.cosh(y))
        const slopes = all.map((one) => one.dyByKappa)
        const kls = all.map((one, i) => (sampled ? one.kl + one.kappa * (omegas[i] - one.mean) : one.kl))
        const klSlopes = all.map((one, i) => {
          if (!sampled) return one.klDerivative
          return omegas[i] - one.mean + one.kappa * sines[i] ** 2 * one.dyByKappa
        })
        const relative = (values: number[], bound: number) => values.map((value) => bound * Math.abs(value))
        // A sample's log-ratio is a difference, and so is its slope.
        const klBounds = all.map(({ kl, kappa, mean }, i) => {
          return sampled ? 5e-6 * (kl + kappa * Math.abs(omegas[i] - mean)) + 2e-7 * Math.min(kappa, size) : 5e-6 * kl
        })
        const klSlopeBounds = all.map((one, i) => {
          const cancelling = Math.abs(omegas[i] - one.mean) + one.kappa * sines[i] ** 2 * one.dyByKappa
          return sampled ? 4e-5 * cancelling : 5e-6 * one.klDerivative
        })
        const what = `of size ${size}`
        expectWithin(part(0), omegas, relative(omegas.map(() => 1), 1e-6), `ω ${what}`)
        expectWithin(part(1), sines, relative(sines, 2e-6), `√(1−ω²) ${what}`)
        expectWithin(part(2), slopes, relative(slopes, 4e-5), `dy/dκ ${what}`) // far out in the tails; 1e-5 within
        expectWithin(losses.subarray(rows, 2 * rows), kls, klBounds, `KL ${what}`)
        expectWithin(part(3), klSlopes, klSlopeBounds, `dKL/dκ ${what}`)
        assert.is(bitsOf(status)[0], 0)
      }
    }
  }
})

for (const one of cases) {
  const { B, size, samples, concentration } = one
  const title = `B=${B} samples=${samples} size=${size}, κ ${concentration || 'learned'}`

  for (const sampled of [false, true]) {
    gpuTest(forward, `gives z and ${sampled ? 'log q − log p' : 'the divergence'} at ${title}`, async ({ device }) => {
      const { rows, head, noise, row, shape } = inputsOf(one)
      const contents = { head, noise, ...outputsOf(rows, size) }
      const count = B * samples
      const dispatch = (t: Parameters<typeof vmfForward>[0]) => vmfForward(t, { B: rows, ...shape }, 'given', sampled)
      for (const result of await runTilings(device, contents, dispatch, { batch: B, slot: SLOT })) {
        const z = new Float64Array(count * size)
        const kl = new Float64Array(count)
        for (let at = 0; at < count; at++) {
          const { mean, kappa, noise: own } = row(at)
          z.set(reference.sphereForward(mean, kappa, own), at * size)
          kl[at] = sampled ? reference.sampledSphereKl(kappa, size, own[0]) : new reference.Marginal(size, kappa).kl
        }
        const valid = result.z.subarray(0, count * padTo4(size))
        expectWithin(valid, padExpected(z, count, size), padExpected(z.map(() => 3e-6), count, size), 'z')
        expectSameBits(result.noise, noise, 'noise')
        const losses = result.losses.subarray((2 * SLOT + 1) * rows, (2 * SLOT + 1) * rows + count)
        expectWithin(losses, kl, kl.map((value) => (sampled ? 5e-5 : 0) + 5e-6 * Math.abs(value)), 'kl')
        const outside = (i: number) => i < (2 * SLOT + 1) * rows || i >= (2 * SLOT + 2) * rows
        const written = result.losses.findIndex((value, i) => !Number.isNaN(value) && outside(i))
        assert.is(written, -1, `losses[${written}] was written, outside of the KL of slot ${SLOT}`)
        assert.is(bitsOf(result.status)[0], 0)
      }
    })
  }

  gpuTest(backward, `matches the reference at ${title}`, async ({ device }) => {
    const { images, rows, head, noise, row, shape, width } = inputsOf(one)
    const weighted = samples > 1
    const dz = uniformArray(rows * size, 5)
    const weights = uniformArray(rows, 6).map(Math.abs)
    const step = { batch: B, klWeight: KL_WEIGHT, scale: 1 / B }
    const gradients = { dz: padMatrix(dz, rows, size), weights, dhead: head.length }
    const contents = { head, noise, ...gradients, ...outputsOf(rows, size) }
    const { dhead } = await runKernels(device, contents, ({ weights, ...t }) => [
      vmfForward(t, { ...shape, B: rows }, 'given', weighted),
      vmfBackward(weighted ? { ...t, weights } : t, { ...shape, B: images }),
    ], step)
    const expected = new Float64Array(images * width)
    const bounds = new Float64Array(images * width)
    for (let at = 0; at < B * samples; at++) {
      const { n, mean, output, kappa, noise: own } = row(at)
      const d = dz.subarray(at * size, (at + 1) * size)
      const { dMean, dKappa } = reference.sphereBackward(d, mean, kappa, own)
      const length = Math.sqrt(mean.reduce((sum, value) => sum + value ** 2, 0))
      const across = Math.sqrt(own.subarray(1).reduce((sum, value) => sum + value ** 2, 0)) // of the noise
      dMean.forEach((value, j) => {
        expected[n * width + j] += value
        bounds[n * width + j] += (1e-5 * Math.sqrt(size) * Math.max(1, across)) / length
      })
      if (concentration) continue
      const marginal = new reference.Marginal(size, kappa)
      const c = KL_WEIGHT / B
      const slope = weighted
        ? weights[at] * reference.sampledSphereKlDerivative(kappa, size, own[0])
        : marginal.klDerivative
      const sigmoid = 1 / (1 + Math.exp(-output))
      const place = n * width + padTo4(size)
      expected[place] += sigmoid * (dKappa + c * slope)
      bounds[place] += 1e-5 * sigmoid * (marginal.quantile(own[0]).dyByKappa * Math.sqrt(size) + c)
    }
    expectWithin(dhead, expected, bounds, 'dhead')
  })
}

gpuTest(forward, 'draws normals as reparameterize_forward does, and u inside (0, 1)', async ({ device }) => {
  const [rows, size, samples, row] = [24, 6, 3, 16]
  const [seed, counter] = [streamKey(7, STREAMS.NOISE), 11]
  const step = { batch: 8, seed, counter, row }
  const head = uniformArray(8 * sphereHeadWidth(size), 1)
  const empty = { noise: rows * 8, ...outputsOf(rows, size) }
  const shape = { B: rows, size, samples }
  const drawn = await runKernels(device, { head, ...empty }, (t) => vmfForward(t, shape, 'drawn'), step)
  const gaussian = { ...empty, head: new Float32Array(8 * 16) }
  const known = await runKernels(device, gaussian, (t) => reparameterizeForward(t, { ...shape, Z: 7 }, true), step)
  const expected = known.noise.map((value, i) => {
    if (i % 8 > 0) return value
    return uniformInside(threefry2x32(...seed, (2 ** 31 + i / 8 + row * samples) >>> 0, counter)[0])
  })
  expectSameBits(drawn.noise, expected, 'noise')
  const given = { head, ...empty, noise: drawn.noise }
  const read = await runKernels(device, given, (t) => vmfForward(t, shape, 'given'), step)
  expectSameBits(drawn.z, read.z, 'z')
})

gpuTest(forward, 'gives the mean direction itself where no noise is asked for', async ({ device }) => {
  const { images, head, noise, row, shape } = inputsOf({ B: 8, size: 5, samples: 1, concentration: 0 })
  const contents = { head, noise, ...outputsOf(images, 5) }
  const { z } = await runKernels(device, contents, (t) => vmfForward(t, { B: images, ...shape }, 'mean'), { batch: 8 })
  const expected = Array.from({ length: 8 }, (_, n) => {
    const { mean } = row(n)
    return Array.from(mean, (value) => value / Math.hypot(...mean))
  })
  expectWithin(z, padMatrix(Float32Array.from(expected.flat()), 8, 5), new Float64Array(64).fill(3e-7), 'z')
})

gpuTest(forward, 'stays on the sphere, far out and at large concentrations', async ({ device }) => {
  for (const size of [3, 7, 300]) {
    const width = sphereHeadWidth(size)
    const [head, noise] = [uniformArray(16 * width, 1), normalArray(16 * sphereNoiseWidth(size), 2)]
    const extremes = [0, 1e-38, 1e-12, 6e-8, 1 - 2 ** -24, 1, 0.5, 1e-30]
    for (let row = 0; row < 16; row++) {
      head[row * width + padTo4(size)] = [-100, 1e6, 1e12, 3][row % 4]
      noise[row * sphereNoiseWidth(size)] = extremes[Math.floor(row / 2)]
    }
    head.fill(0, 8 * width, 8 * width + size) // no direction at all
    const contents = { head, noise, ...outputsOf(16, size) }
    const dispatch = (t: Parameters<typeof vmfForward>[0]) => vmfForward(t, { B: 16, size }, 'given')
    const { z, saved, losses, status } = await runKernels(device, contents, dispatch, { batch: 16 })
    assert.is(bitsOf(status)[0], 0)
    const all = [...saved, ...losses.subarray(16, 32)]
    assert.ok(all.every(Number.isFinite), `${all.findIndex((value) => !Number.isFinite(value))} of size ${size}`)
    for (let row = 0; row < 16; row++) {
      const own = z.subarray(row * padTo4(size), row * padTo4(size) + size)
      const square = own.reduce((sum, value) => sum + value ** 2, 0)
      if (row !== 8) assert.ok(Math.abs(square - 1) < 1e-5, `|z|² is ${square} in row ${row} of size ${size}`)
      assert.ok(losses[16 + row] > 0, `the KL of row ${row} of size ${size} is ${losses[16 + row]}`)
    }
  }
})

gpuTest(forward, 'reports a KL that is not finite, but not in the rows behind the batch', async ({ device }) => {
  const run = async (row: number, value: number) => {
    const { head, noise } = inputsOf({ B: 13, size: 5, samples: 1, concentration: 0 })
    head[row * sphereHeadWidth(5) + 8] = value
    const contents = { head, noise, ...outputsOf(16, 5) }
    const result = await runKernels(device, contents, (t) => vmfForward(t, { B: 16, size: 5 }, 'given'), { batch: 13 })
    return bitsOf(result.status)[0]
  }
  assert.is(await run(12, NaN), 256)
  assert.is(await run(12, Infinity), 256)
  assert.is(await run(13, NaN), 0)
})

gpuTest(backward, 'leaves no trace of dz in the rows behind the batch', async ({ device }) => {
  const { head, noise, shape, rows } = inputsOf({ B: 8, size: 5, samples: 1, concentration: 0 })
  const contents = { head, noise, dz: uniformArray(rows * 8, 4), saved: uniformArray(rows * 8, 5), dhead: head.length }
  const { dhead } = await runKernels(device, contents, (t) => vmfBackward(t, { ...shape, B: 8 }), { batch: 3 })
  const behind = dhead.subarray(3 * sphereHeadWidth(5))
  expectSame(behind, new Float64Array(behind.length), 'dhead behind the batch')
})

forward.run()
backward.run()

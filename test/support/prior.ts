import { acquireDevice } from '../../src/device/device.js'
import { pipelinesOf } from '../../src/kernels/pipelines.js'
import { PixelCnn } from '../../src/model/prior/pixel-cnn.js'
import { ModelRuntime } from '../../src/model/runtime.js'
import { padTo4 } from '../../src/ops/dispatch.js'
import { Recovery } from '../../src/recovery.js'
import { Readback } from '../../src/schedule/readback.js'
import { StepUniform } from '../../src/schedule/step.js'
import { columns, type Tensor } from '../../src/tensor.js'
import type { BatchRows } from '../../src/train/step.js'
import { codesByFormula, type PriorFixture } from '../fixtures.js'
import { DEFAULT_STEP } from './run-kernel.js'

/** Runs the body with a prior's network alone on the test's device, and frees it. */
export async function withPrior(
  device: GPUDevice,
  { map: [h, w], codes, prior }: Pick<PriorFixture, 'map' | 'codes' | 'prior'>,
  parameters: Record<string, Tensor>,
  body: (runtime: ModelRuntime<PixelCnn>) => Promise<void>,
): Promise<void> {
  const parts = {
    ...(await acquireDevice({ device })),
    pipelines: pipelinesOf(device),
    uniform: new StepUniform(device),
    readback: new Readback(device),
  }
  const recovery = new Recovery(parts, { end: () => {}, rebuild: async () => {} })
  const runtime = new ModelRuntime(recovery.context, new PixelCnn({ kind: 'image', h, w, c: 1 }, codes, prior))
  try {
    runtime.write('parameters', parameters)
    await body(runtime)
  } finally {
    runtime.destroy()
    recovery.destroy()
  }
}

/** A batch of a fixture's; codes go in as whole numbers, as a set has them. */
export function codedBatch(fixture: PriorFixture, seed: number): BatchRows {
  const { codes, labels } = codesByFormula(fixture, seed)
  return { images: Float32Array.from(codes), labels, rows: fixture.batch, objective: {} }
}

/** The logits `[batch, positions, codes]` of every position, given all codes `[batch, positions]`. */
export async function logitsOf(
  runtime: ModelRuntime<PixelCnn>,
  codes: Uint32Array,
  labels?: Uint32Array,
): Promise<Float32Array> {
  const { positions: P, codes: K } = runtime.model
  const batch = codes.length / P
  const request = { batch, input: { type: 'codes' }, noise: 'mean', output: 'codes' } as const
  return runtime.with(request, async ({ executable, codes: words, logits, labels: classes }) => {
    const padded = new Uint32Array(batch * padTo4(P))
    for (let n = 0; n < batch; n++) padded.set(codes.subarray(n * P, (n + 1) * P), n * padTo4(P))
    runtime.writeBuffer(executable.buffer(words!), 0, padded)
    if (labels) runtime.writeBuffer(executable.buffer(classes!), 0, labels)
    const { uniform } = runtime.context
    uniform.set(0, { ...DEFAULT_STEP, batch, cursor: P - 1 })
    uniform.upload(1)
    const encoder = runtime.encoder('logits')
    const pass = encoder.beginComputePass()
    executable.encodeSlice(pass, 0)
    pass.end()
    const buffer = executable.buffer(logits!)
    const data = await runtime.readback(encoder, [{ buffer, offsetBytes: 0, sizeBytes: 4 * batch * padTo4(P * K) }])
    return columns(data, batch, padTo4(P * K), 0, P * K)
  })
}

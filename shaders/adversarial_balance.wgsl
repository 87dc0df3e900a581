// adversarial_balance: which of decoder and discriminator waits in this step (the rule of Larsen et al. 2016)
// uses: activation, row_sum, step
//
//   real = Σ softplus(−D(x)) / batch      fake = Σ ½ (softplus(D(x̃)) + softplus(D(x_p))) / batch
//   the discriminator waits where either is below LEAST, the decoder where either is above MOST; neither where both
//   would
//
//   logits (3·B, 4), of which one is a value: of x̃, x_p and x   held (128): word 0 of the decoder, word 64 of the
//   discriminator, each `status` where it does not wait, and not 0 where it does
//   one workgroup; grid (LANES, 1, 1)

override B: u32;
override LEAST: f32;
override MOST: f32;

@group(0) @binding(0) var<storage, read>       logits: array<vec4f>;
@group(0) @binding(1) var<storage, read>       status: u32;
@group(0) @binding(2) var<storage, read_write> held: array<u32>;
@group(0) @binding(3) var<uniform>             step: Step;

@compute @workgroup_size(LANES)
fn adversarial_balance(@builtin(local_invocation_index) lane: u32) {
  var real = 0.0;
  var fake = 0.0;
  for (var n = lane; n < step.batch; n += LANES) {
    let terms = softplus(vec4f(-logits[2 * B + n].x, logits[n].x, logits[B + n].x, 0));
    real += terms.x;
    fake += 0.5 * (terms.y + terms.z);
  }
  let real_mean = row_sum(real, lane) * step.scale;
  workgroupBarrier();
  let fake_mean = row_sum(fake, lane) * step.scale;
  if (lane > 0) { return; }
  var decoder_waits = max(real_mean, fake_mean) > MOST;
  var discriminator_waits = min(real_mean, fake_mean) < LEAST;
  if (decoder_waits && discriminator_waits) {
    decoder_waits = false;
    discriminator_waits = false;
  }
  held[0] = max(status, u32(decoder_waits));
  held[64] = max(status, u32(discriminator_waits));
}

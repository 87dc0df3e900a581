// free_bits_loss: the objective of a batch whose KL term may not fall below FREE_BITS in any dimension
// uses: lane_mask, row_sum, step
//
//   mean_kl[j]   = 1/batch Σ_n ½ (exp(log_variance[n,j]) + mean[n,j]² − 1 − log_variance[n,j])
//   objective[n] = reconstruction[n] + klWeight · Σ_j max(FREE_BITS, mean_kl[j])        Kingma et al. 2016, C.8
//   kept[j]      = 1 where mean_kl[j] > FREE_BITS, else 0: the KL's gradient is times this
//
//   head (B, 2·P4(Z)): a row is mean, then log-variance   kept (P4(Z))
//   row_losses (ring slots, 2, B): reconstruction, then KL, of every image
//   losses (ring slots, 3, B): the objective too
//   one workgroup, a lane for every vec4 of the latent; grid (LANES, 1, 1)

override B: u32;
override Z: u32;            // latent size
override FREE_BITS: f32;    // nats

override Z4: u32 = (Z + 3) / 4;

@group(0) @binding(0) var<storage, read>       head: array<vec4f>;
@group(0) @binding(1) var<storage, read>       row_losses: array<f32>;
@group(0) @binding(2) var<storage, read_write> losses: array<f32>;
@group(0) @binding(3) var<storage, read_write> kept: array<vec4f>;
@group(0) @binding(4) var<uniform>             step: Step;

@compute @workgroup_size(LANES)
fn free_bits_loss(@builtin(local_invocation_index) lane: u32) {
  let least = vec4f(FREE_BITS);
  var terms = vec4f(0);
  for (var q = lane; q < Z4; q += LANES) {
    var kl = vec4f(0);
    for (var n = 0u; n < step.batch; n++) {
      let mean = head[2 * n * Z4 + q];
      let log_variance = head[(2 * n + 1) * Z4 + q];
      kl += 0.5 * (exp(log_variance) + mean * mean - 1 - log_variance);
    }
    kl *= step.scale;
    kept[q] = select(vec4f(0), vec4f(1), kl > least);
    terms += max(kl, least) * lane_mask(q, Z);
  }
  _ = row_sum(terms.x + terms.y + terms.z + terms.w, lane);
  workgroupBarrier();
  let term = step.kl_weight * row_partial[0];
  for (var n = lane; n < B; n += LANES) {
    let reconstruction = row_losses[step.slot * 2 * B + n];
    let at = step.slot * 3 * B + n;
    losses[at] = reconstruction;
    losses[at + B] = row_losses[(step.slot * 2 + 1) * B + n];
    losses[at + 2 * B] = reconstruction + term;
  }
}

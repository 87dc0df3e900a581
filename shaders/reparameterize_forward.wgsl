// reparameterize_forward: z = μ + exp(½ logvar) · ε, and the KL divergence of every image
// uses: finite, lane_mask, row_sum, step, threefry
//
//   z[n,j]     = mean[i,j] + exp(½ log_variance[i,j]) · noise[n,j]        i = n / SAMPLES
//   losses_kl[n] = Σ_j ½ (exp(log_variance) + mean² − 1 − log_variance)       Kingma & Welling 2014, appendix B
//                  with SAMPLED Σ_j ½ (z² − noise² − log_variance), which is log q(z|x) − log p(z)
//
//   head (B / SAMPLES, 2·P4(Z)): a row is mean, then log-variance; an image has HEADS rows of it
//   noise, z (B, P4(Z))
//   losses (ring slots, 2, B): reconstruction, then KL, of every row
//   one workgroup a row; grid (LANES, B, 1)
//
// With DRAW the noise is drawn here from the step's stream and left in `noise` for the backward pass.

override B: u32;
override SAMPLES: u32;      // rows of z per row of head
override HEADS: u32;        // rows of head per image
override Z: u32;            // latent size
override DRAW: bool;        // draw the noise rather than read it
override SAMPLED: bool;     // the sample's log q(z|x) − log p(z) in place of its mean, the KL divergence

override Z4: u32 = (Z + 3) / 4;

@group(0) @binding(0) var<storage, read>       head: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> noise: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> z: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;
@group(0) @binding(4) var<storage, read_write> status: atomic<u32>;   // failure(slot) of the first loss not finite
@group(0) @binding(5) var<uniform>             step: Step;

@compute @workgroup_size(LANES)
fn reparameterize_forward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = group.y;
  let i = n / SAMPLES;
  var kl = vec4f(0);
  for (var q = lane; q < Z4; q += LANES) {
    let at = n * Z4 + q;
    let mean = head[2 * i * Z4 + q];
    let log_variance = head[(2 * i + 1) * Z4 + q];
    if (DRAW) {
      noise[at] = normal_quad(step.seed, at + step.noise_row * HEADS * SAMPLES * Z4, step.counter) * lane_mask(q, Z);
    }
    z[at] = mean + exp(0.5 * log_variance) * noise[at];
    if (SAMPLED) {
      kl += 0.5 * (z[at] * z[at] - noise[at] * noise[at] - log_variance);
    } else {
      kl += 0.5 * (exp(log_variance) + mean * mean - 1 - log_variance);
    }
  }
  let total = row_sum(kl.x + kl.y + kl.z + kl.w, lane);
  if (lane == 0) {
    losses[(step.slot * 2 + 1) * B + n] = total;
    if (n < step.batch * HEADS * SAMPLES && !is_finite(total)) { atomicMax(&status, failure(step.slot)); }
  }
}

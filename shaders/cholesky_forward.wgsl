// cholesky_forward: z = μ + L ε of a Gaussian with full covariance L Lᵀ, and the KL divergence of every row
// uses: finite, lane_mask, row_sum, step, threefry
//
//   z[n,j]       = mean[i,j] + Σ_{k ≤ j} L[i,j,k] · noise[n,k]           i = n / SAMPLES: an image has so many rows
//   L[j,k]       = output[j(j+1)/2 + k], the lower triangle row by row; L[j,j] is exp(½ ·) of that
//   losses_kl[n] = ½ (‖L‖² + ‖mean‖² − Z) − Σ_j ln L[j,j]
//                  with SAMPLED Σ_j ½ (z² − noise²) − ln L[j,j], which is log q(z|x) − log p(z)
//
//   head (B / SAMPLES, P4(Z) + P4(Z(Z+1)/2)): a row is mean, then output   noise, z (B, P4(Z))
//   losses (ring slots, 2, B): reconstruction, then KL, of every row
//   one workgroup a row, a lane for every LANES-th value of z; grid (LANES, B, 1)
//
// With DRAW the noise is drawn here from the step's stream, as reparameterize_forward draws it, and left in `noise`.

override B: u32;
override SAMPLES: u32;      // rows an image
override Z: u32;            // latent size
override DRAW: bool;        // draw the noise rather than read it
override SAMPLED: bool;     // the sample's log q(z|x) − log p(z) in place of its mean, the KL divergence

override Z4: u32 = (Z + 3) / 4;
override TRIANGLE4: u32 = (Z * (Z + 1) / 2 + 3) / 4;

@group(0) @binding(0) var<storage, read>       head: array<f32>;
@group(0) @binding(1) var<storage, read_write> noise: array<f32>;
@group(0) @binding(2) var<storage, read_write> z: array<f32>;
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;
@group(0) @binding(4) var<storage, read_write> status: atomic<u32>;   // failure(slot) of the first loss not finite
@group(0) @binding(5) var<uniform>             step: Step;

@compute @workgroup_size(LANES)
fn cholesky_forward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = group.y;
  let row = n * 4 * Z4;
  let means = n / SAMPLES * 4 * (Z4 + TRIANGLE4);
  if (DRAW) {
    for (var q = lane; q < Z4; q += LANES) {
      let quad = n * Z4 + q + step.noise_row * SAMPLES * Z4;
      let drawn = normal_quad(step.seed, quad, step.counter) * lane_mask(q, Z);
      let at = row + 4 * q;
      noise[at] = drawn.x;
      noise[at + 1] = drawn.y;
      noise[at + 2] = drawn.z;
      noise[at + 3] = drawn.w;
    }
    storageBarrier();        // lanes read what others drew
  }
  var kl = 0.0;
  for (var j = lane; j < 4 * Z4; j += LANES) {
    if (j >= Z) {
      z[row + j] = 0;
      continue;
    }
    let mean = head[means + j];
    let first = means + 4 * Z4 + j * (j + 1) / 2;
    let log_variance = head[first + j];
    let deviation = exp(0.5 * log_variance);
    let own = noise[row + j];
    var value = mean + deviation * own;
    var squares = 0.0;
    for (var k = 0u; k < j; k++) {
      let factor = head[first + k];
      value += factor * noise[row + k];
      squares += factor * factor;
    }
    z[row + j] = value;
    if (SAMPLED) {
      kl += 0.5 * (value * value - own * own - log_variance);
    } else {
      kl += 0.5 * (deviation * deviation + squares + mean * mean - 1 - log_variance);
    }
  }
  let total = row_sum(kl, lane);
  if (lane == 0) {
    losses[(step.slot * 2 + 1) * B + n] = total;
    if (n < step.batch * SAMPLES && !is_finite(total)) { atomicMax(&status, failure(step.slot)); }
  }
}

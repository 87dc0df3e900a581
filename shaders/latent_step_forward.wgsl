// latent_step_forward: one step's draw of a latent that has several, and what the decoder reads of it
// uses: finite, row_sum, step, threefry
//
//   head = W h_enc + b: mean, then log-variance            z = mean + exp(½ log_variance) · noise
//   y    = [z, h_dec, 1, 1]                                the ones carry the biases
//   losses_kl += Σ_j ½ (exp(log_variance) + mean² − 1 − log_variance)       written by the FIRST step
//                with SAMPLED Σ_j ½ (z² − noise² − log_variance), which is log q(z|x) − log p(z)
//   with GIVEN z = noise, and there is neither head nor loss
//
//   h_enc (B, P4(E))   h_dec (B, P4(D))   head (B, 2·P4(Z))   y (B, P4(Z + D + 2))
//   w: W (2·P4(Z), P4(E)), and from quad BIAS on b (2·P4(Z))
//   noise (B, STEPS, P4(Z)): all steps of a row side by side   losses (ring slots, 2, LOSS_ROWS): of rows < LOSS_ROWS
//   one workgroup a row; grid (LANES, B, 1)
//
// With DRAW the noise is drawn here from the step's stream and left in `noise` for the backward pass.

override B: u32;
override LOSS_ROWS: u32;
override STEPS: u32;
override Z: u32;            // latent size
override E: u32;            // units of the encoder
override D: u32;            // units of the decoder
override DRAW: bool;        // draw the noise rather than read it
override SAMPLED: bool;     // the sample's log q(z|x) − log p(z) in place of its mean, the KL divergence
override GIVEN: bool;       // z is what `noise` holds
override BIAS: u32;

override Z4: u32 = (Z + 3) / 4;
override E4: u32 = (E + 3) / 4;
override STRIDE_D: u32 = (D + 3) / 4 * 4;
override STRIDE_Y: u32 = (Z + D + 5) / 4 * 4;

struct Params {
  STEP: u32,                // which step, from 0 on
}

@group(0) @binding(0) var<storage, read>       h_enc: array<vec4f>;
@group(0) @binding(1) var<storage, read>       h_dec: array<f32>;
@group(0) @binding(2) var<storage, read>       w: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> noise: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> head: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(0) @binding(6) var<storage, read_write> losses: array<f32>;
@group(0) @binding(7) var<storage, read_write> status: atomic<u32>;   // failure(slot) of the first loss not finite
@group(0) @binding(8) var<uniform>             params: Params;
@group(0) @binding(9) var<uniform>             step: Step;

@compute @workgroup_size(LANES)
fn latent_step_forward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = group.y;
  let noise_at = (n * STEPS + params.STEP) * Z4;
  if (!GIVEN) {
    for (var o = lane; o < 8 * Z4; o += LANES) {
      var sum = w[BIAS + o / 4][o % 4];
      for (var i = 0u; i < E4; i++) { sum += dot(w[o * E4 + i], h_enc[n * E4 + i]); }
      head[8 * n * Z4 + o] = sum;
    }
    storageBarrier();
  }
  var kl = 0.0;
  for (var q = lane; q < Z4; q += LANES) {
    if (DRAW) {
      noise[noise_at + q] = normal_quad(step.seed, noise_at + q + step.noise_row * STEPS * Z4, step.counter);
    }
    let epsilon = noise[noise_at + q];
    for (var j = 0u; j < min(4, Z - 4 * q); j++) {
      var z = epsilon[j];
      if (!GIVEN) {
        let at = 8 * n * Z4 + 4 * q + j;
        let mean = head[at];
        let log_variance = head[at + 4 * Z4];
        z = mean + exp(0.5 * log_variance) * epsilon[j];
        if (SAMPLED) {
          kl += 0.5 * (z * z - epsilon[j] * epsilon[j] - log_variance);
        } else {
          kl += 0.5 * (exp(log_variance) + mean * mean - 1 - log_variance);
        }
      }
      y[n * STRIDE_Y + 4 * q + j] = z;
    }
  }
  for (var i = Z + lane; i < STRIDE_Y; i += LANES) {
    var value = select(0.0, 1.0, i < Z + D + 2);
    if (i < Z + D) { value = h_dec[n * STRIDE_D + i - Z]; }
    y[n * STRIDE_Y + i] = value;
  }
  if (GIVEN) { return; }
  let total = row_sum(kl, lane);
  if (lane == 0 && n < LOSS_ROWS) {
    let at = (step.slot * 2 + 1) * LOSS_ROWS + n;
    var sum = total;
    if (params.STEP > 0) { sum += losses[at]; }
    losses[at] = sum;
    if (n < step.batch && !is_finite(sum)) { atomicMax(&status, failure(step.slot)); }
  }
}

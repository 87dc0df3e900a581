// latent_step_backward: the gradients of one step's draw and its KL divergence; see latent_step_forward
// uses: lane_mask, row_sum, step
//
//   dmean         = dz + klWeight/batch · mean
//   dlog_variance = dz · noise · ½ exp(½ log_variance) + klWeight/batch · ½ (exp(log_variance) − 1)
//   dh_enc        = dhead W           the head's gradient is written over it; 0 for n ≥ batch
//
//   dy (B, P4(Z + D + 2)), which begins with dz   noise (B, STEPS, P4(Z))   head (B, 2·P4(Z))
//   w: W (2·P4(Z), P4(E)) and more   dh_enc (B, P4(E))
//   one workgroup a row; grid (LANES, B, 1)

override B: u32;
override STEPS: u32;
override Z: u32;            // latent size
override E: u32;            // units of the encoder
override D: u32;            // units of the decoder

override Z4: u32 = (Z + 3) / 4;
override E4: u32 = (E + 3) / 4;
override STRIDE_Y: u32 = (Z + D + 5) / 4 * 4;

struct Params {
  STEP: u32,                // which step, from 0 on
}

@group(0) @binding(0) var<storage, read>       dy: array<f32>;
@group(0) @binding(1) var<storage, read>       noise: array<vec4f>;
@group(0) @binding(2) var<storage, read>       w: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> head: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dh_enc: array<vec4f>;
@group(0) @binding(5) var<uniform>             params: Params;
@group(0) @binding(6) var<uniform>             step: Step;

@compute @workgroup_size(LANES)
fn latent_step_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = group.y;
  if (n >= step.batch) {
    for (var o = lane; o < 2 * Z4; o += LANES) { head[2 * n * Z4 + o] = vec4f(0); }
    for (var i = lane; i < E4; i += LANES) { dh_enc[n * E4 + i] = vec4f(0); }
    return;
  }
  let weight = step.kl_weight * step.scale;
  for (var q = lane; q < Z4; q += LANES) {
    let at_mean = 2 * n * Z4 + q;
    let at_log_variance = at_mean + Z4;
    let mask = lane_mask(q, Z);
    let first = n * STRIDE_Y + 4 * q;
    let g = mask * vec4f(dy[first], dy[first + 1], dy[first + 2], dy[first + 3]);   // a row ends in padding, not z
    let deviation = exp(0.5 * head[at_log_variance]);
    let epsilon = noise[(n * STEPS + params.STEP) * Z4 + q];
    head[at_mean] = mask * (g + weight * head[at_mean]);
    head[at_log_variance] = mask * (g * epsilon * 0.5 * deviation + weight * 0.5 * (deviation * deviation - 1));
  }
  storageBarrier();
  for (var i = lane; i < E4; i += LANES) {
    var sum = vec4f(0);
    for (var o = 0u; o < 2 * Z4; o++) {
      let d = head[2 * n * Z4 + o];
      let row = 4 * o * E4 + i;
      sum += d.x * w[row] + d.y * w[row + E4] + d.z * w[row + 2 * E4] + d.w * w[row + 3 * E4];
    }
    dh_enc[n * E4 + i] = sum;
  }
}

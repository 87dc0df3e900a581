// quantize_forward: the chosen codes in place of the encoder's vectors, their loss, how often each was chosen
// uses: code_value, finite, lane_mask, row_sum, step
//
//   y[n,p]     = e[codes[n,p]]
//   losses[n]  = (1 + COMMITMENT) Σ_p |z[n,p] − y[n,p]|²            van den Oord et al. 2017, equation 3
//   usage[k]  += positions of the batch that chose k, where COUNT
//
//   z, y (B, P4(P·D))   codes (B, P4(P))   codebook (P4(K), P4(D))   usage (K) as words
//   losses (ring slots, 2, B): reconstruction, then quantisation, of every image
//   one workgroup a row; grid (64, B, 1)

override B: u32;
override P: u32;            // positions of an image
override D: u32;            // values of a code
override COMMITMENT: f32;
override COUNT: bool;

override N4: u32 = (P * D + 3) / 4;

@group(0) @binding(0) var<storage, read>       z: array<vec4f>;
@group(0) @binding(1) var<storage, read>       codes: array<u32>;
@group(0) @binding(2) var<storage, read>       codebook: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> losses: array<f32>;
@group(0) @binding(5) var<storage, read_write> usage: array<atomic<u32>>;
@group(0) @binding(6) var<storage, read_write> status: atomic<u32>;   // failure(slot) of the first loss not finite
@group(0) @binding(7) var<uniform>             step: Step;

@compute @workgroup_size(64)
fn quantize_forward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = group.y;
  let row = n * ((P + 3) / 4 * 4);
  var sum = vec4f(0);
  for (var q = lane; q < N4; q += 64) {
    let at = n * N4 + q;
    let i = 4 * q;
    let e = vec4f(code_value(row, i), code_value(row, i + 1), code_value(row, i + 2), code_value(row, i + 3));
    let error = lane_mask(q, P * D) * (z[at] - e);
    y[at] = e;
    sum += error * error;
  }
  let total = (1 + COMMITMENT) * row_sum(sum.x + sum.y + sum.z + sum.w, lane);
  if (lane == 0) {
    losses[(step.slot * 2 + 1) * B + n] = total;
    if (n < step.batch && !is_finite(total)) { atomicMax(&status, failure(step.slot)); }
  }
  if (COUNT && n < step.batch) {
    for (var p = lane; p < P; p += 64) { atomicAdd(&usage[codes[row + p]], 1u); }
  }
}

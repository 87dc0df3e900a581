// code_loss: −log of the probability of an image's codes, and its gradient
// uses: finite, row_sum, step
//
//   losses[n] = Σ_p (ln Σ_k exp(l[n,p,k]) − l[n,p,codes[n,p]])            in nats
//   with GRADIENT l takes its own gradient, (softmax(l[n,p]) − [k = codes[n,p]]) · scale;  0 for n ≥ batch
//
//   l (B, P4(P·K)) logits   codes (B, P4(P))   losses (ring slots, 1, B)
//   one workgroup an image, a lane takes every LANES-th position; grid (LANES, B, 1)

override B: u32;
override P: u32;            // positions of an image
override K: u32;            // codes
override GRADIENT: bool;

override STRIDE: u32 = (P * K + 3) / 4 * 4;

@group(0) @binding(0) var<storage, read>       codes: array<u32>;
@group(0) @binding(1) var<storage, read_write> l: array<f32>;
@group(0) @binding(2) var<storage, read_write> losses: array<f32>;
@group(0) @binding(3) var<storage, read_write> status: atomic<u32>;   // failure(slot) of the first loss not finite
@group(0) @binding(4) var<uniform>             step: Step;

@compute @workgroup_size(LANES)
fn code_loss(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = group.y;
  let is_live = n < step.batch;
  var sum = 0.0;
  for (var p = lane; p < P; p += LANES) {
    let first = n * STRIDE + p * K;
    if (!is_live) {
      if (GRADIENT) { for (var k = 0u; k < K; k++) { l[first + k] = 0; } }
      continue;
    }
    var largest = l[first];
    for (var k = 1u; k < K; k++) { largest = max(largest, l[first + k]); }
    var total = 0.0;
    for (var k = 0u; k < K; k++) { total += exp(l[first + k] - largest); }
    let code = codes[n * ((P + 3) / 4 * 4) + p];
    sum += log(total) + largest - l[first + code];
    if (!GRADIENT) { continue; }
    for (var k = 0u; k < K; k++) {
      l[first + k] = step.scale * (exp(l[first + k] - largest) / total - select(0.0, 1.0, k == code));
    }
  }
  let loss = row_sum(sum, lane);
  if (lane == 0) {
    losses[step.slot * B + n] = loss;
    if (is_live && !is_finite(loss)) { atomicMax(&status, failure(step.slot)); }
  }
}

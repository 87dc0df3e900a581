// softmax_forward: probabilities of classes from logits
// uses: lane_mask
//
//   y[n,k] = exp(x[n,k]) / Σ_j exp(x[n,j])
//
//   x, y (B, P4(K)); padding lanes of y are 0
//   one invocation per row; grid (B, 1, 1)

override WG_X: u32 = 64;
override B: u32;
override K: u32;            // classes

override K4: u32 = (K + 3) / 4;

@group(0) @binding(0) var<storage, read>       x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(WG_X)
fn softmax_forward(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  if (n >= B) { return; }
  var largest = vec4f(x[n * K4].x);
  for (var q = 0u; q < K4; q++) { largest = max(largest, select(largest, x[n * K4 + q], lane_mask(q, K) > vec4f(0))); }
  let top = max(max(largest.x, largest.y), max(largest.z, largest.w));
  var sums = vec4f(0);
  for (var q = 0u; q < K4; q++) { sums += lane_mask(q, K) * exp(x[n * K4 + q] - top); }
  let total = sums.x + sums.y + sums.z + sums.w;
  for (var q = 0u; q < K4; q++) { y[n * K4 + q] = lane_mask(q, K) * exp(x[n * K4 + q] - top) / total; }
}

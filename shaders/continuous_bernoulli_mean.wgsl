// continuous_bernoulli_mean: y = 1 / (1 − exp(−x)) − 1 / x, the mean image of continuous Bernoulli logits
// uses: continuous_bernoulli, lane_mask
//
//   x, y (B, P4(N)); padding lanes of y are 0
//   one invocation per vec4; grid (P4(N)/4, B, 1)

override WG_X: u32 = 64;
override B: u32;
override N: u32;            // pixels × channels of an image

override N4: u32 = (N + 3) / 4;

@group(0) @binding(0) var<storage, read>       x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(WG_X)
fn continuous_bernoulli_mean(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= N4 || id.y >= B) { return; }
  let at = id.y * N4 + id.x;
  y[at] = continuous_mean(x[at]) * lane_mask(id.x, N);
}

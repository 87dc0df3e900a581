// gaussian_mean: y = clamp(x, 0, 1), the mean image of a Gaussian likelihood, kept to what an image may be
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
fn gaussian_mean(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= N4 || id.y >= B) { return; }
  let at = id.y * N4 + id.x;
  y[at] = clamp(x[at], vec4f(0), vec4f(1)) * lane_mask(id.x, N);
}

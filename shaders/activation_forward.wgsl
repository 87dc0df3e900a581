// activation_forward: y = act(x), where no other kernel can take the activation along
// uses: activation, lane_mask
//
//   x, y (B, P4(N)); padding lanes of y are 0
//   one invocation per vec4; grid (P4(N)/4, B, 1)

override WG_X: u32 = 64;
override B: u32;
override N: u32;             // values of a row
override ACTIVATION: u32;
override SLOPE: f32;         // its slope, if it is PIECEWISE_LINEAR

override N4: u32 = (N + 3) / 4;

@group(0) @binding(0) var<storage, read>       x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(WG_X)
fn activation_forward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= N4 || id.y >= B) { return; }
  let at = id.y * N4 + id.x;
  var value = x[at];
  if (ACTIVATION == SILU) {
    value = silu(value);
  } else {
    value = activate(value, ACTIVATION, SLOPE);
  }
  y[at] = value * lane_mask(id.x, N);
}

fn silu(v: vec4f) -> vec4f {
  let small = exp(-abs(v));
  return v * select(small, vec4f(1), v >= vec4f(0)) / (1 + small);
}

// class_forward: a dense layer's output for every class of a row, out of what its other inputs come to
// uses: activation, lane_mask
//
//   y[n·K+k, o] = act(x[n,o] + w[o, C+k])          the class's column of the weights
//
//   x (B, P4(O)): the layer without a class, bias in   w (O, P4(C+K))   y (B·K, P4(O)); features past O are 0
//   one invocation per vec4 of y; grid (P4(O)/4, B·K, 1)

override WG_X: u32 = 64;
override B: u32;
override K: u32;             // classes
override C: u32;             // inputs before the class
override O: u32;             // outputs
override ACTIVATION: u32;
override SLOPE: f32;         // its slope, if it is PIECEWISE_LINEAR

override O4: u32 = (O + 3) / 4;
override STRIDE: u32 = (C + K + 3) / 4 * 4;

@group(0) @binding(0) var<storage, read>       x: array<vec4f>;
@group(0) @binding(1) var<storage, read>       w: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(WG_X)
fn class_forward(@builtin(global_invocation_id) id: vec3u) {
  let q = id.x;
  let row = id.y;
  if (q >= O4 || row >= B * K) { return; }
  let at = 4 * q * STRIDE + C + row % K;
  let column = vec4f(w[at], w[at + STRIDE], w[at + 2 * STRIDE], w[at + 3 * STRIDE]);
  y[row * O4 + q] = activate(x[row / K * O4 + q] + column, ACTIVATION, SLOPE) * lane_mask(q, O);
}

// dense_backward_input_naive: the dx of dense_backward as a first version is written; the benchmark's yardstick,
// never shipped. Writes (=).
// uses: activation
//
//   dx[n,i] = act'(x[n,i]) · Σ_o dy[n,o] · w[o,i]      act' from the value x of the activation that made x
//
//   dy (B, O)   w (O, I)   x (B, I)   dx (B, I)   row-major f32, rows padded with zeros to a multiple of 4
//   one invocation per dx[n,i]; grid (⌈I/4⌉ · 4, B, 1)

override WG_X: u32 = 16;
override WG_Y: u32 = 16;
override B: u32;            // rows
override I: u32;            // input features
override O: u32;            // output features
override ACTIVATION_X: u32; // of the layer that made x
override SLOPE_X: f32;      // its slope, if it is PIECEWISE_LINEAR

@group(0) @binding(0) var<storage, read>       dy: array<f32>;    // (B, O) with respect to the pre-activation
@group(0) @binding(1) var<storage, read>       w: array<f32>;     // (O, I)
@group(0) @binding(2) var<storage, read>       x: array<f32>;     // (B, I)
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;    // (B, I) with respect to the pre-activation

@compute @workgroup_size(WG_X, WG_Y)
fn dense_backward_input_naive(@builtin(global_invocation_id) id: vec3u) {
  let strideI = (I + 3) / 4 * 4;
  let strideO = (O + 3) / 4 * 4;
  let i = id.x;
  let n = id.y;
  if (i >= strideI || n >= B) { return; }
  var sum = 0.0;
  for (var o = 0u; o < O; o++) {
    sum += dy[n * strideO + o] * w[o * strideI + i];
  }
  let at = n * strideI + i;
  dx[at] = sum * activation_derivative(vec4f(x[at]), ACTIVATION_X, SLOPE_X).x;
}

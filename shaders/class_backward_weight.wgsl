// class_backward_weight: the gradient of the classes' columns of class_forward's weights
// uses: step
//
//   dw[o, C+k] += Σ_n dy[n·K+k, o]          where the gradient of the other columns has left 0, or an earlier sum
//
//   dw (O, P4(C+K))   dy (B·K, P4(O)), before the activation
//   one invocation per value; grid (O, K, 1)

override WG_X: u32 = 64;
override K: u32;             // classes
override C: u32;             // inputs before the class
override O: u32;             // outputs

override STRIDE_Y: u32 = (O + 3) / 4 * 4;
override STRIDE_W: u32 = (C + K + 3) / 4 * 4;

@group(0) @binding(0) var<storage, read>       dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> dw: array<f32>;
@group(0) @binding(2) var<uniform>             step: Step;

@compute @workgroup_size(WG_X)
fn class_backward_weight(@builtin(global_invocation_id) id: vec3u) {
  let o = id.x;
  let k = id.y;
  if (o >= O || k >= K) { return; }
  var sum = 0.0;
  for (var n = 0u; n < step.batch; n++) { sum += dy[(n * K + k) * STRIDE_Y + o]; }
  dw[o * STRIDE_W + C + k] += sum;
}

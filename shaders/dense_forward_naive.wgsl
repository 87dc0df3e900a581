// dense_forward_naive: dense_forward as a first version is written; the benchmark's yardstick, never shipped
// uses: activation
//
//   y[n,o] = act(b[o] + Σ_i x[n,i] · w[o,i])
//
//   x (B, I)   w (O, I)   b (O)   y (B, O)        row-major f32, rows padded with zeros to a multiple of 4
//   one invocation per y[n,o]; grid (⌈O/4⌉ · 4, B, 1)

override WG_X: u32 = 16;
override WG_Y: u32 = 16;
override B: u32;            // rows
override I: u32;            // input features
override O: u32;            // output features
override ACTIVATION: u32;
override SLOPE: f32;        // its slope, if it is PIECEWISE_LINEAR

@group(0) @binding(0) var<storage, read>       x: array<f32>;     // (B, I)
@group(0) @binding(1) var<storage, read>       w: array<f32>;     // (O, I)
@group(0) @binding(2) var<storage, read>       b: array<f32>;     // (O)
@group(0) @binding(3) var<storage, read_write> y: array<f32>;     // (B, O)

@compute @workgroup_size(WG_X, WG_Y)
fn dense_forward_naive(@builtin(global_invocation_id) id: vec3u) {
  let strideI = (I + 3) / 4 * 4;
  let strideO = (O + 3) / 4 * 4;
  let o = id.x;
  let n = id.y;
  if (o >= strideO || n >= B) { return; }
  var sum = b[o];
  for (var i = 0u; i < I; i++) {
    sum += x[n * strideI + i] * w[o * strideI + i];
  }
  y[n * strideO + o] = select(0, activate(vec4f(sum), ACTIVATION, SLOPE).x, o < O);
}

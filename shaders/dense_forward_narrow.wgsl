// dense_forward_narrow: dense_forward for few tiles of 8 × 16, such as the heads of a small latent space
// uses: dense_finish
//
//   y[n,o] = act(b[o] + Σ_i x[n,i] · w[o,i])
//
//   x (B, I)   w (O, I)   b (O)   y (B, O)        row-major f32, rows padded with zeros to whole vec4f
//   one invocation per tile of 4 rows × 4 features; grid (B/4 · ⌈O/4⌉, 1, 1), features first

override WG_X: u32 = 16;
override ACTIVATION: u32;

struct Params {
  B: u32,                   // rows, a multiple of 4
  I: u32,                   // input features
  O: u32,                   // output features
  SLOPE: f32,               // of the activation, if it is PIECEWISE_LINEAR
}

@group(0) @binding(0) var<storage, read>       x: array<vec4f>;   // (B, I)
@group(0) @binding(1) var<storage, read>       w: array<vec4f>;   // (O, I)
@group(0) @binding(2) var<storage, read>       b: array<vec4f>;   // (O)
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;   // (B, O)
@group(0) @binding(4) var<uniform>             params: Params;

@compute @workgroup_size(WG_X)
fn dense_forward_narrow(@builtin(global_invocation_id) id: vec3u) {
  let I4 = (params.I + 3) / 4;
  let O4 = (params.O + 3) / 4;
  if (id.x >= params.B / 4 * O4) { return; }
  let n = id.x / O4 * 4;
  let o = id.x % O4;

  let n0 = n * I4;
  let o0 = o * 4 * I4;
  var sum = mat4x4f();           // a column a row of y
  for (var i = 0u; i < I4; i++) {
    let x0 = mat4x4f(x[n0 + i], x[n0 + I4 + i], x[n0 + 2 * I4 + i], x[n0 + 3 * I4 + i]);
    let w0 = mat4x4f(w[o0 + i], w[o0 + I4 + i], w[o0 + 2 * I4 + i], w[o0 + 3 * I4 + i]);
    sum += transpose(w0) * x0;
  }

  dense_store_y_block(n, o, sum);
}

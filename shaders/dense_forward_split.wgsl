// dense_forward_split: dense_forward in tiles of 16 × 16, a sum shared by eight invocations: for GPUs and small layers
// uses: dense_finish, dense_split, lane_mask
//
//   y[n,o] = act(b[o] + Σ_i x[n,i] · w[o,i])
//
//   x (B, I)   w (O, I)   b (O)   y (B, O)        row-major f32, rows padded with zeros to whole vec4f
//   one workgroup of 128 per tile (lib/dense_split); grid (128 · ⌈B/16⌉ · ⌈O/16⌉, 1, 1), features first

override ACTIVATION: u32;

struct Params {
  B: u32,                   // rows, a multiple of 8
  I: u32,                   // input features
  O: u32,                   // output features
  SLOPE: f32,               // of the activation, if it is PIECEWISE_LINEAR
}

@group(0) @binding(0) var<storage, read>       x: array<vec4f>;   // (B, I)
@group(0) @binding(1) var<storage, read>       w: array<vec4f>;   // (O, I)
@group(0) @binding(2) var<storage, read>       b: array<vec4f>;   // (O)
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;   // (B, O)
@group(0) @binding(4) var<uniform>             params: Params;

@compute @workgroup_size(128)
fn dense_forward_split(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let I4 = (params.I + 3) / 4;
  let O4 = (params.O + 3) / 4;
  let tiles = (O4 + 3) / 4;
  let n = group.x / tiles * 16;  // first row, and quad of features, of the tile
  let o = group.x % tiles * 4;

  let x_at = min(n + 4 * dense_split_row(lane), params.B - 4) * I4;        // those past the end repeat the last
  let w_at = min(o + dense_split_column(lane), O4 - 1) * 4 * I4;
  var sum = mat4x4f();           // a column a row of y
  for (var i = dense_split_slice(lane); i < I4; i += DENSE_SLICES) {
    let x0 = mat4x4f(x[x_at + i], x[x_at + I4 + i], x[x_at + 2 * I4 + i], x[x_at + 3 * I4 + i]);
    let w0 = mat4x4f(w[w_at + i], w[w_at + I4 + i], w[w_at + 2 * I4 + i], w[w_at + 3 * I4 + i]);
    sum += transpose(w0) * x0;
  }

  let v = dense_split_sum(lane, sum);
  let row = n + lane / 4;
  let quad = o + lane % 4;
  if (lane < 64 && row < params.B && quad < O4) {
    y[row * O4 + quad] = dense_finish(v, b[quad], lane_mask(quad, params.O));
  }
}

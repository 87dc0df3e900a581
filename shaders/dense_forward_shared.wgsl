// dense_forward_shared: dense_forward with panels of x and w in workgroup memory, for GPUs
// uses: dense_finish, dense_shared
//
//   y[n,o] = act(b[o] + Σ_i x[n,i] · w[o,i])
//
//   x (B, I)   w (O, I)   b (O)   y (B, O)        row-major f32, rows padded with zeros to whole vec4f
//   one workgroup of 64 per tile of 32 rows × 32 features (lib/dense_shared), 4 × 4 an invocation
//   grid (64 · ⌈B/32⌉ · ⌈O/32⌉, 1, 1), features first

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

@compute @workgroup_size(64)
fn dense_forward_shared(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let I4 = (params.I + 3) / 4;
  let O4 = (params.O + 3) / 4;
  let tiles = (O4 + 7) / 8;
  let n = group.x / tiles * 8;   // first quad of rows, and of features
  let o = group.x % tiles * 8;

  let quad = lane % 32 / 4;      // of the block that this invocation stages
  let depth = lane % 4;
  var sum = mat4x4f();           // a column a row of y
  for (var i = 0u; i < I4; i += 4) {
    if (lane < 32) {
      dense_stage(lane, depth, quad, x_block(n + quad, i + depth));
    } else {
      dense_stage(lane, depth, quad, w_block(o + quad, i + depth));
    }
    workgroupBarrier();
    sum = dense_multiply(lane, sum);
    workgroupBarrier();
  }
  let row = n + lane / 8;        // of quads
  let column = o + lane % 8;
  if (row < params.B / 4 && column < O4) { dense_store_y_block(row * 4, column, sum); }
}

// Four rows of x, 0 past its edges, as columns of four features each turned into columns of four rows.
fn x_block(n: u32, i: u32) -> mat4x4f {
  let I4 = (params.I + 3) / 4;
  if (n >= params.B / 4 || i >= I4) { return mat4x4f(); }
  let at = n * 4 * I4 + i;
  return transpose(mat4x4f(x[at], x[at + I4], x[at + 2 * I4], x[at + 3 * I4]));
}

// The same of w.
fn w_block(o: u32, i: u32) -> mat4x4f {
  let I4 = (params.I + 3) / 4;
  if (4 * o >= params.O || i >= I4) { return mat4x4f(); }
  let at = o * 4 * I4 + i;
  return transpose(mat4x4f(w[at], w[at + I4], w[at + 2 * I4], w[at + 3 * I4]));
}

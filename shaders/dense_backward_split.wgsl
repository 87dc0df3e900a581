// dense_backward_split: dense_backward in tiles of 16 × 16, a sum shared by eight invocations: for GPUs
// uses: dense_split, dense_store
//
//   dx[n,i] = act'(x[n,i]) · Σ_o dy[n,o] · w[o,i]      act' from the value x of the activation that made x
//   dw[o,i] = Σ_n dy[n,o] · x[n,i]                     db[o] = Σ_n dy[n,o]
//
//   all three written (=), unless dx = act'(x) · (dx + Σ) with ADD, dw and db += with ACCUMULATE (lib/dense_store)
//
//   dy (B, O)   w (O, I)   x (B, I)   dx (B, I)   dw (O, I)   db (O)
//   row-major f32, rows padded with zeros to whole vec4f
//   one workgroup of 128 per tile (lib/dense_split): the first own dx, the others dw
//   grid (128 · (tiles of dx + tiles of dw), 1, 1), columns first

override ACTIVATION_X: u32; // of the layer that made x
override ADD: bool;         // dx holds the gradients from other readers of x, without act'(x), and they are added
override ACCUMULATE: bool;  // dw and db hold the gradients from other uses of the layer, and are added to

struct Params {
  B: u32,                   // rows, a multiple of 8; dy is 0 in those past the batch
  I: u32,                   // input features
  O: u32,                   // output features
  INPUTS: u32,              // 0 where dx is not asked for, 1 where it is
  SLOPE_X: f32,             // of the activation that made x, if ACTIVATION_X is PIECEWISE_LINEAR
}

@group(0) @binding(0) var<storage, read>       dy: array<vec4f>;  // (B, O) with respect to the pre-activation
@group(0) @binding(1) var<storage, read>       w: array<vec4f>;   // (O, I)
@group(0) @binding(2) var<storage, read>       x: array<vec4f>;   // (B, I)
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>;  // (B, I) with respect to the pre-activation
@group(0) @binding(4) var<storage, read_write> dw: array<vec4f>;  // (O, I)
@group(0) @binding(5) var<storage, read_write> db: array<vec4f>;  // (O)
@group(0) @binding(6) var<uniform>             params: Params;

@compute @workgroup_size(128)
fn dense_backward_split(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let input_tiles = params.INPUTS * ((params.B + 15) / 16) * ((params.I + 15) / 16);
  if (group.x < input_tiles) {
    input_tile(group.x, lane);
  } else {
    weight_tile(group.x - input_tiles, lane);
  }
}

fn input_tile(tile: u32, lane: u32) {
  let I4 = (params.I + 3) / 4;
  let O4 = (params.O + 3) / 4;
  let tiles = (I4 + 3) / 4;
  let n = tile / tiles * 16;     // first row, and quad of features, of the tile
  let i = tile % tiles * 4;

  let dy_at = min(n + 4 * dense_split_row(lane), params.B - 4) * O4;       // those past the end repeat the last
  let w_at = min(i + dense_split_column(lane), I4 - 1);
  var sum = mat4x4f();           // a column a row of dx
  for (var o = dense_split_slice(lane); o < O4; o += DENSE_SLICES) {
    let dy0 = mat4x4f(dy[dy_at + o], dy[dy_at + O4 + o], dy[dy_at + 2 * O4 + o], dy[dy_at + 3 * O4 + o]);
    let at = w_at + o * 4 * I4;
    sum += mat4x4f(w[at], w[at + I4], w[at + 2 * I4], w[at + 3 * I4]) * dy0;
  }

  let v = dense_split_sum(lane, sum);
  let row = n + lane / 4;
  let quad = i + lane % 4;
  if (lane < 64 && row < params.B && quad < I4) {
    let at = row * I4 + quad;
    dense_store_dx(at, v);
  }
}

fn weight_tile(tile: u32, lane: u32) {
  let I4 = (params.I + 3) / 4;
  let O4 = (params.O + 3) / 4;
  let tiles = (I4 + 3) / 4;
  let o = tile / tiles * 4;      // first quad of rows, and of columns, of the tile
  let i = tile % tiles * 4;

  let dy_at = min(o + dense_split_row(lane), O4 - 1);                      // those past the end repeat the last
  let x_at = min(i + dense_split_column(lane), I4 - 1);
  var sum = mat4x4f();           // a column a row of dw
  let rows = dense_rows();
  for (var n = dense_split_slice(lane); n < rows / 4; n += DENSE_SLICES) {
    let a = dy_at + n * 4 * O4;
    let dy0 = transpose(mat4x4f(dy[a], dy[a + O4], dy[a + 2 * O4], dy[a + 3 * O4]));
    let at = x_at + n * 4 * I4;
    sum += mat4x4f(x[at], x[at + I4], x[at + 2 * I4], x[at + 3 * I4]) * dy0;
  }

  let v = dense_split_sum(lane, sum);
  let row = 4 * o + lane / 4;
  let quad = i + lane % 4;
  if (lane < 64 && row < 4 * O4 && quad < I4) { dense_store_dw(row * I4 + quad, v); }
  if (i == 0 && lane >= 64 && lane < 68 && o + lane - 64 < O4) {           // four lanes that have nothing to store
    var bias = vec4f();
    for (var n = 0u; n < rows; n++) { bias += dy[n * O4 + o + lane - 64]; }
    dense_store_db(o + lane - 64, bias);
  }
}

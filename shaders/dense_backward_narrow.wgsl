// dense_backward_narrow: dense_backward where tiles of 8 × 16 would be few or mostly padding, such as I = 2 or 4
// uses: dense_store
//
//   dx[n,i] = act'(x[n,i]) · Σ_o dy[n,o] · w[o,i]      act' from the value x of the activation that made x
//   dw[o,i] = Σ_n dy[n,o] · x[n,i]                     db[o] = Σ_n dy[n,o]
//
//   all three written (=), unless dx = act'(x) · (dx + Σ) with ADD, dw and db += with ACCUMULATE (lib/dense_store)
//
//   dy (B, O)   w (O, I)   x (B, I)   dx (B, I)   dw (O, I)   db (O)
//   row-major f32, rows padded with zeros to whole vec4f
//   one invocation per tile of 4 × 4: the first ⌈tiles of dx / WG_X⌉ workgroups own dx, the others dw
//   grid (B/4 · ⌈I/4⌉ rounded up to WG_X + ⌈O/4⌉ · ⌈I/4⌉, 1, 1), columns first

override WG_X: u32 = 16;
override ACTIVATION_X: u32; // of the layer that made x
override ADD: bool;         // dx holds the gradients from other readers of x, without act'(x), and they are added
override ACCUMULATE: bool;  // dw and db hold the gradients from other uses of the layer, and are added to

struct Params {
  B: u32,                   // rows, a multiple of 4; dy is 0 in those past the batch
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

@compute @workgroup_size(WG_X)
fn dense_backward_narrow(@builtin(workgroup_id) group: vec3u, @builtin(global_invocation_id) id: vec3u) {
  let inputGroups = (params.INPUTS * params.B / 4 * ((params.I + 3) / 4) + WG_X - 1) / WG_X;
  if (group.x < inputGroups) {
    input_tile(id.x);
  } else {
    weight_tile(id.x - inputGroups * WG_X);
  }
}

fn input_tile(tile: u32) {
  let I4 = (params.I + 3) / 4;
  let O4 = (params.O + 3) / 4;
  if (tile >= params.B / 4 * I4) { return; }
  let n = tile / I4 * 4;
  let i = tile % I4;

  let n0 = n * O4;
  var sum = mat4x4f();           // a column a row of dx
  for (var o = 0u; o < O4; o++) {
    let dy0 = mat4x4f(dy[n0 + o], dy[n0 + O4 + o], dy[n0 + 2 * O4 + o], dy[n0 + 3 * O4 + o]);
    let row = o * 4 * I4 + i;
    sum += mat4x4f(w[row], w[row + I4], w[row + 2 * I4], w[row + 3 * I4]) * dy0;
  }
  dense_store_dx_block(n * I4 + i, sum);
}

fn weight_tile(tile: u32) {
  let I4 = (params.I + 3) / 4;
  let O4 = (params.O + 3) / 4;
  if (tile >= O4 * I4) { return; }
  let o = tile / I4;
  let i = tile % I4;

  var sum = mat4x4f();           // a column a row of dw
  var bias = vec4f();
  let rows = dense_rows();
  for (var n = 0u; n < rows; n += 4) {
    let a = n * O4 + o;
    let dy0 = mat4x4f(dy[a], dy[a + O4], dy[a + 2 * O4], dy[a + 3 * O4]);
    let row = n * I4 + i;
    sum += mat4x4f(x[row], x[row + I4], x[row + 2 * I4], x[row + 3 * I4]) * transpose(dy0);
    bias += dy0[0] + dy0[1] + dy0[2] + dy0[3];
  }
  dense_store_dw_block(o * 4 * I4 + i, sum);
  if (i == 0) { dense_store_db(o, bias); }
}

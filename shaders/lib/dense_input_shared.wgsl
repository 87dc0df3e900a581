// dense_input_shared: 32 rows × 32 features of dx = act'(x) · (dy w) by a workgroup of 64 (lib/dense_shared)
// uses: dense_shared, dense_store
// expects: dy, w, params.B, params.I, params.O, params.INPUTS
//
//   dx[n,i] = act'(x[n,i]) · Σ_o dy[n,o] · w[o,i]

// Tiles of dx where that is asked for, features first.
fn dense_input_shared_tiles() -> u32 {
  return params.INPUTS * (params.B + 31) / 32 * ((params.I + 31) / 32);
}

fn dense_input_shared(tile: u32, lane: u32) {
  let I4 = (params.I + 3) / 4;
  let O4 = (params.O + 3) / 4;
  let tiles = (I4 + 7) / 8;
  let n = tile / tiles * 8;      // first quad of rows, and of features
  let i = tile % tiles * 8;

  var sum = mat4x4f();           // a column a row of dx
  for (var o = 0u; o < O4; o += 4) {
    if (lane < 32) {             // dy lies along o, w along i: so do neighbours
      dense_stage(lane, lane % 4, lane / 4, dense_input_left(n + lane / 4, o + lane % 4));
    } else {
      dense_stage(lane, lane / 8 - 4, lane % 8, dense_input_right(i + lane % 8, o + lane / 8 - 4));
    }
    workgroupBarrier();
    sum = dense_multiply(lane, sum);
    workgroupBarrier();
  }

  let row = n + lane / 8;
  let column = i + lane % 8;
  if (row < params.B / 4 && column < I4) { dense_store_dx_block(row * 4 * I4 + column, sum); }
}

// Four rows of dy, 0 past its edges, turned: a column holds four rows.
fn dense_input_left(n: u32, o: u32) -> mat4x4f {
  let O4 = (params.O + 3) / 4;
  if (n >= params.B / 4 || o >= O4) { return mat4x4f(); }
  let at = n * 4 * O4 + o;
  return transpose(mat4x4f(dy[at], dy[at + O4], dy[at + 2 * O4], dy[at + 3 * O4]));
}

// Four rows of w, 0 past its edges: a column holds four features.
fn dense_input_right(i: u32, o: u32) -> mat4x4f {
  let I4 = (params.I + 3) / 4;
  if (i >= I4 || 4 * o >= params.O) { return mat4x4f(); }
  let at = o * 4 * I4 + i;
  return mat4x4f(w[at], w[at + I4], w[at + 2 * I4], w[at + 3 * I4]);
}

// dense_weight_shared: 32 rows × 32 columns of dw = dyᵀ x by a workgroup of 64 (lib/dense_shared)
// uses: dense_shared, dense_store
// expects: dy, x, params.B, params.I, params.O
//
//   dw[o,i] = Σ_n dy[n,o] · x[n,i]      db[o] = Σ_n dy[n,o]      (stored by lib/dense_store)
//
//   the first tile of a row of tiles writes db

fn dense_weight_shared(tile: u32, lane: u32) {
  let I4 = (params.I + 3) / 4;
  let O4 = (params.O + 3) / 4;
  let tiles = (I4 + 7) / 8;
  let o = tile / tiles * 8;      // first quad of rows, and of columns
  let i = tile % tiles * 8;

  let quad = lane % 8;           // of the block that this invocation stages
  let depth = lane % 32 / 8;
  let row = o + lane / 8;        // of the sums that it owns
  let column = i + lane % 8;
  var sum = mat4x4f();           // a column a row of dw
  var bias = vec4f();
  let rows = dense_rows();
  for (var n = 0u; n < rows / 4; n += 4) {
    if (lane < 32) {
      dense_stage(lane, depth, quad, dense_weight_left(o + quad, n + depth));
    } else {
      dense_stage(lane, depth, quad, dense_weight_right(i + quad, n + depth));
    }
    workgroupBarrier();
    sum = dense_multiply(lane, sum);
    if (column == 0) {
      for (var k = 0u; k < 16; k++) { bias += dense_left[k * DENSE_SHARED_STRIDE + lane / 8]; }
    }
    workgroupBarrier();
  }

  if (row < O4 && column < I4) {
    dense_store_dw_block(row * 4 * I4 + column, sum);
    if (column == 0) { dense_store_db(row, bias); }
  }
}

// Four rows of dy, 0 past its edges: a column holds four features.
fn dense_weight_left(o: u32, n: u32) -> mat4x4f {
  let O4 = (params.O + 3) / 4;
  if (o >= O4 || n >= params.B / 4) { return mat4x4f(); }
  let at = n * 4 * O4 + o;
  return mat4x4f(dy[at], dy[at + O4], dy[at + 2 * O4], dy[at + 3 * O4]);
}

// The same of x.
fn dense_weight_right(i: u32, n: u32) -> mat4x4f {
  let I4 = (params.I + 3) / 4;
  if (i >= I4 || n >= params.B / 4) { return mat4x4f(); }
  let at = n * 4 * I4 + i;
  return mat4x4f(x[at], x[at + I4], x[at + 2 * I4], x[at + 3 * I4]);
}

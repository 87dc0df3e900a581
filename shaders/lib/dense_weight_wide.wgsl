// dense_weight_wide: 16 rows × 16 columns of dw = dyᵀ x
// uses: dense_store, tile_block
// expects: dy, x, params.I, params.O
//
//   dw[o,i] = Σ_n dy[n,o] · x[n,i]      db[o] = Σ_n dy[n,o]      (stored by lib/dense_store)
//
//   dw00 … dw33 are the tile's 4 × 4 blocks, a column a row of dw; the first tile of a row of tiles writes db

// Tiles of dw, columns first.
fn dense_weight_wide_tiles() -> u32 {
  return (params.O + 15) / 16 * ((params.I + 15) / 16);
}

fn dense_weight_wide(tile: u32) {
  let I4 = (params.I + 3) / 4;
  let O4 = (params.O + 3) / 4;
  let tiles = (I4 + 3) / 4;
  if (tile >= dense_weight_wide_tiles()) { return; }
  let o0 = tile / tiles * 4;     // four quads of rows and of columns; those past the end repeat the last
  let o1 = min(o0 + 1, O4 - 1);
  let o2 = min(o0 + 2, O4 - 1);
  let o3 = min(o0 + 3, O4 - 1);
  let i0 = tile % tiles * 4;
  let i1 = min(i0 + 1, I4 - 1);
  let i2 = min(i0 + 2, I4 - 1);
  let i3 = min(i0 + 3, I4 - 1);

  var dw00 = mat4x4f(); var dw01 = mat4x4f(); var dw02 = mat4x4f(); var dw03 = mat4x4f();
  var dw10 = mat4x4f(); var dw11 = mat4x4f(); var dw12 = mat4x4f(); var dw13 = mat4x4f();
  var dw20 = mat4x4f(); var dw21 = mat4x4f(); var dw22 = mat4x4f(); var dw23 = mat4x4f();
  var dw30 = mat4x4f(); var dw31 = mat4x4f(); var dw32 = mat4x4f(); var dw33 = mat4x4f();
  let rows = dense_rows();
  for (var n = 0u; n < rows; n += 4) {
    let a = n * O4;
    let dy0 = transpose(mat4x4f(dy[a + o0], dy[a + O4 + o0], dy[a + 2 * O4 + o0], dy[a + 3 * O4 + o0]));
    let dy1 = transpose(mat4x4f(dy[a + o1], dy[a + O4 + o1], dy[a + 2 * O4 + o1], dy[a + 3 * O4 + o1]));
    let dy2 = transpose(mat4x4f(dy[a + o2], dy[a + O4 + o2], dy[a + 2 * O4 + o2], dy[a + 3 * O4 + o2]));
    let dy3 = transpose(mat4x4f(dy[a + o3], dy[a + O4 + o3], dy[a + 2 * O4 + o3], dy[a + 3 * O4 + o3]));
    let row = n * I4;
    let x0 = mat4x4f(x[row + i0], x[row + I4 + i0], x[row + 2 * I4 + i0], x[row + 3 * I4 + i0]);
    dw00 += x0 * dy0;
    dw10 += x0 * dy1;
    dw20 += x0 * dy2;
    dw30 += x0 * dy3;
    let x1 = mat4x4f(x[row + i1], x[row + I4 + i1], x[row + 2 * I4 + i1], x[row + 3 * I4 + i1]);
    dw01 += x1 * dy0;
    dw11 += x1 * dy1;
    dw21 += x1 * dy2;
    dw31 += x1 * dy3;
    let x2 = mat4x4f(x[row + i2], x[row + I4 + i2], x[row + 2 * I4 + i2], x[row + 3 * I4 + i2]);
    dw02 += x2 * dy0;
    dw12 += x2 * dy1;
    dw22 += x2 * dy2;
    dw32 += x2 * dy3;
    let x3 = mat4x4f(x[row + i3], x[row + I4 + i3], x[row + 2 * I4 + i3], x[row + 3 * I4 + i3]);
    dw03 += x3 * dy0;
    dw13 += x3 * dy1;
    dw23 += x3 * dy2;
    dw33 += x3 * dy3;
  }
  for (var nth = 0u; nth < 8; nth++) {
    let o = o0 + nth % 2;
    let i = i0 + nth / 2;
    if (i >= I4) { break; }
    if (o < O4) {
      let top = tile_block(nth, dw00, dw10, dw01, dw11, dw02, dw12, dw03, dw13);
      dense_store_dw_block(o * 4 * I4 + i, top);
    }
    if (o + 2 < O4) {
      let bottom = tile_block(nth, dw20, dw30, dw21, dw31, dw22, dw32, dw23, dw33);
      dense_store_dw_block((o + 2) * 4 * I4 + i, bottom);
    }
  }

  if (i0 == 0) {
    var db0 = vec4f(); var db1 = vec4f(); var db2 = vec4f(); var db3 = vec4f();
    for (var n = 0u; n < rows; n++) {
      db0 += dy[n * O4 + o0];
      db1 += dy[n * O4 + o1];
      db2 += dy[n * O4 + o2];
      db3 += dy[n * O4 + o3];
    }
    dense_store_db(o0, db0);
    if (o0 + 1 < O4) { dense_store_db(o1, db1); }
    if (o0 + 2 < O4) { dense_store_db(o2, db2); }
    if (o0 + 3 < O4) { dense_store_db(o3, db3); }
  }
}

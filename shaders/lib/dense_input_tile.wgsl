// dense_input_tile: 8 rows × 16 features of dx = act'(x) · (dy w)
// uses: dense_store, tile_block
// expects: dy, w, params.B, params.I, params.O, params.INPUTS
//
//   dx[n,i] = act'(x[n,i]) · Σ_o dy[n,o] · w[o,i]
//
//   dx00 … dx13 are the tile's 4 × 4 blocks, a column a row of dx

// Tiles of dx where that is asked for, features first; B is a multiple of 8.
fn dense_input_tiles() -> u32 {
  return params.INPUTS * params.B / 8 * ((params.I + 15) / 16);
}

fn dense_input_tile(tile: u32) {
  let I4 = (params.I + 3) / 4;
  let O4 = (params.O + 3) / 4;
  let tiles = (I4 + 3) / 4;
  if (tile >= dense_input_tiles()) { return; }
  let n = tile / tiles * 8;
  let i0 = tile % tiles * 4;     // four quads of features; those past the end repeat the last
  let i1 = min(i0 + 1, I4 - 1);
  let i2 = min(i0 + 2, I4 - 1);
  let i3 = min(i0 + 3, I4 - 1);

  let n0 = n * O4;
  let n1 = n0 + 4 * O4;
  var dx00 = mat4x4f(); var dx01 = mat4x4f(); var dx02 = mat4x4f(); var dx03 = mat4x4f();
  var dx10 = mat4x4f(); var dx11 = mat4x4f(); var dx12 = mat4x4f(); var dx13 = mat4x4f();
  for (var o = 0u; o < O4; o++) {
    let dy0 = mat4x4f(dy[n0 + o], dy[n0 + O4 + o], dy[n0 + 2 * O4 + o], dy[n0 + 3 * O4 + o]);
    let dy1 = mat4x4f(dy[n1 + o], dy[n1 + O4 + o], dy[n1 + 2 * O4 + o], dy[n1 + 3 * O4 + o]);
    let row = o * 4 * I4;
    let w0 = mat4x4f(w[row + i0], w[row + I4 + i0], w[row + 2 * I4 + i0], w[row + 3 * I4 + i0]);
    dx00 += w0 * dy0;
    dx10 += w0 * dy1;
    let w1 = mat4x4f(w[row + i1], w[row + I4 + i1], w[row + 2 * I4 + i1], w[row + 3 * I4 + i1]);
    dx01 += w1 * dy0;
    dx11 += w1 * dy1;
    let w2 = mat4x4f(w[row + i2], w[row + I4 + i2], w[row + 2 * I4 + i2], w[row + 3 * I4 + i2]);
    dx02 += w2 * dy0;
    dx12 += w2 * dy1;
    let w3 = mat4x4f(w[row + i3], w[row + I4 + i3], w[row + 2 * I4 + i3], w[row + 3 * I4 + i3]);
    dx03 += w3 * dy0;
    dx13 += w3 * dy1;
  }
  for (var nth = 0u; nth < 8; nth++) {
    let i = i0 + nth / 2;
    if (i >= I4) { break; }
    let v = tile_block(nth, dx00, dx10, dx01, dx11, dx02, dx12, dx03, dx13);
    dense_store_dx_block((n + nth % 2 * 4) * I4 + i, v);
  }
}

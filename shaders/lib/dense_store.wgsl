// dense_store: writes the gradients of a dense layer over what is there, or adds them
// uses: activation
// expects: ACTIVATION_X, ADD, ACCUMULATE, dy, x, dx, dw, db, params.B, params.I, params.SLOPE_X

fn dense_store_dx(at: u32, sum: vec4f) {
  var total = sum;
  if (ADD) { total += dx[at]; }
  dx[at] = total * activation_derivative(x[at], ACTIVATION_X, params.SLOPE_X);
}

// A block of dx, a column a row, whose first quad is `at`.
fn dense_store_dx_block(at: u32, v: mat4x4f) {
  let I4 = (params.I + 3) / 4;
  dense_store_dx(at, v[0]);
  dense_store_dx(at + I4, v[1]);
  dense_store_dx(at + 2 * I4, v[2]);
  dense_store_dx(at + 3 * I4, v[3]);
}

fn dense_store_dw(at: u32, sum: vec4f) {
  var total = sum;
  if (ACCUMULATE) { total += dw[at]; }
  dw[at] = total;
}

// The same of dw.
fn dense_store_dw_block(at: u32, v: mat4x4f) {
  let I4 = (params.I + 3) / 4;
  dense_store_dw(at, v[0]);
  dense_store_dw(at + I4, v[1]);
  dense_store_dw(at + 2 * I4, v[2]);
  dense_store_dw(at + 3 * I4, v[3]);
}

fn dense_store_db(at: u32, sum: vec4f) {
  var total = sum;
  if (ACCUMULATE) { total += db[at]; }
  db[at] = total;
}

// B, bounded by what dy holds, which is more. Mesa's llvmpipe takes a loop whose end is a uniform for one of constant
// length, and compiles the kernel anew at every dispatch.
fn dense_rows() -> u32 {
  return min(params.B, arrayLength(&dy));
}

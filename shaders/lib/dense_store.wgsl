// dense_store: writes the gradients of a dense layer over what is there, or adds them
// uses: activation
// expects: ACTIVATION_X, ADD, ACCUMULATE, dy, x, dx, dw, db, params.B, params.SLOPE_X

fn dense_store_dx(at: u32, sum: vec4f) {
  var total = sum;
  if (ADD) { total += dx[at]; }
  dx[at] = total * activation_derivative(x[at], ACTIVATION_X, params.SLOPE_X);
}

fn dense_store_dw(at: u32, sum: vec4f) {
  var total = sum;
  if (ACCUMULATE) { total += dw[at]; }
  dw[at] = total;
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

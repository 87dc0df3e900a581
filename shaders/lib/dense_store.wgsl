// dense_store: writes the gradients of a dense layer over what is there, or adds them
// uses: activation
// expects: ACTIVATION_X, ADD, ACCUMULATE, x, dx, dw, db, params.SLOPE_X

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

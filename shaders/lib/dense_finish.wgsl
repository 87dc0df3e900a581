// dense_finish: what follows the sums of a dense layer
// uses: activation, lane_mask
// expects: ACTIVATION, b, y, params.O, params.SLOPE

// Bias and activation; features past the end become 0, which sigmoid alone would not give.
// `bias` and `mask`, which is lane_mask(o, params.O), are those of quad o of the features.
fn dense_finish(v: vec4f, bias: vec4f, mask: vec4f) -> vec4f {
  return mask * activate(v + bias, ACTIVATION, params.SLOPE);
}

// The block of y from row n and quad o of the features; v has a column a row of y.
fn dense_store_y_block(n: u32, o: u32, v: mat4x4f) {
  let O4 = (params.O + 3) / 4;
  let at = n * O4 + o;
  let bias = b[o];
  let mask = lane_mask(o, params.O);
  y[at] = dense_finish(v[0], bias, mask);
  y[at + O4] = dense_finish(v[1], bias, mask);
  y[at + 2 * O4] = dense_finish(v[2], bias, mask);
  y[at + 3 * O4] = dense_finish(v[3], bias, mask);
}

// dense_finish: what follows the sums of a dense layer
// uses: activation
// expects: ACTIVATION, params.SLOPE

// Bias and activation; features past the end become 0, which sigmoid alone would not give.
// `bias` and `mask`, which is lane_mask(o, params.O), are those of quad o of the features.
fn dense_finish(v: vec4f, bias: vec4f, mask: vec4f) -> vec4f {
  return mask * activate(v + bias, ACTIVATION, params.SLOPE);
}

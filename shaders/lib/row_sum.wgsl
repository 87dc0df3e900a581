// row_sum: the sum over a workgroup's 64 lanes in a fixed order (a binary tree), valid in lane 0

var<workgroup> row_partial: array<f32, 64>;

fn row_sum(value: f32, lane: u32) -> f32 {
  row_partial[lane] = value;
  for (var half = 32u; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) { row_partial[lane] += row_partial[lane + half]; }
  }
  return row_partial[lane];
}

// 1 for the lanes of vector q that hold one of `count` values, 0 for the padding
fn lane_mask(q: u32, count: u32) -> vec4f {
  return select(vec4f(0), vec4f(1), vec4u(4 * q) + vec4u(0, 1, 2, 3) < vec4u(count));
}

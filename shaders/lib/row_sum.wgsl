// row_sum: the sum over a workgroup's lanes in a fixed order (a binary tree), valid in lane 0

override LANES: u32 = 64;    // invocations of the workgroup, a power of two

var<workgroup> row_partial: array<f32, LANES>;

fn row_sum(value: f32, lane: u32) -> f32 {
  row_partial[lane] = value;
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) { row_partial[lane] += row_partial[lane + half]; }
  }
  return row_partial[lane];
}

// 1 for the lanes of vector q that hold one of `count` values, 0 for the padding
fn lane_mask(q: u32, count: u32) -> vec4f {
  return select(vec4f(0), vec4f(1), vec4u(4 * q) + vec4u(0, 1, 2, 3) < vec4u(count));
}

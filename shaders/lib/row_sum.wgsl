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

// quad_sum: row_sum for four sums side by side, which every lane gets
// uses: row_sum

var<workgroup> quad_partial: array<vec4f, LANES>;

fn quad_sum(value: vec4f, lane: u32) -> vec4f {
  quad_partial[lane] = value;
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) { quad_partial[lane] += quad_partial[lane + half]; }
  }
  workgroupBarrier();
  let total = quad_partial[0];
  workgroupBarrier();               // the next sum may overwrite it
  return total;
}

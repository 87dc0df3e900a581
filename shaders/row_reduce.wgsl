// row_reduce: y[0] = Σ_n x[n] in a fixed order, one value per row into one value; y's other lanes are 0
// uses: row_sum
//
//   with WEIGHTED y[0] = Σ_n weights[n] · x[n]; written (=) or with ACCUMULATE added to (+=)
//
//   x, weights (B)   y (4)
//   one workgroup; grid (64, 1, 1)

override B: u32;
override WEIGHTED: bool;
override ACCUMULATE: bool;

@group(0) @binding(0) var<storage, read>       x: array<f32>;
@group(0) @binding(1) var<storage, read>       weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn row_reduce(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var n = lane; n < B; n += 64) { sum += select(1, weights[n], WEIGHTED) * x[n]; }
  var total = row_sum(sum, lane);
  if (lane == 0) {
    if (ACCUMULATE) { total += y[0].x; }
    y[0] = vec4f(total, 0, 0, 0);
  }
}

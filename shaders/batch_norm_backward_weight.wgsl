// batch_norm_backward_weight: the gradients of a batch normalisation's scale and shift, which that of x needs too
// uses: batch_norm, lane_mask, quad_sum, row_sum, step
//
//   sums[0,c] = Σ dy      sums[1,c] = Σ dy · (x − mean) / √(variance + ε)      over a batch's rows and pixels
//   db = sums[0], dw = sums[1], added up over stacked batches: left alone where GRADIENTS is 0, written (=) where it is
//   1, added (+=) where it is 2
//
//   dy, x (BATCHES·ROWS, P4(P·C))   statistics (2, P4(C)), every APART values: mean, unbiased variance
//   sums (BATCHES, 2, P4(C))   dw, db (P4(C))
//   one workgroup per vec4 of channels; grid (LANES, P4(C)/4, 1)

override WHOLE: bool;       // a pixel's channels are whole vec4s
override GRADIENTS: u32;

struct Params {
  P: u32,                   // pixels of a row; 1 for a vector
  C: u32,                   // channels
  SAMPLES: u32,             // rows an image
  BATCHES: u32,
  ROWS: u32,                // rows of a batch, those behind the step's images counted
  APART: u32,               // values from one batch's statistics to the next's
}

@group(0) @binding(0) var<storage, read>       dy: array<vec4f>;
@group(0) @binding(1) var<storage, read>       x: array<vec4f>;
@group(0) @binding(2) var<storage, read>       statistics: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> sums: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dw: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> db: array<vec4f>;
@group(0) @binding(6) var<uniform>             params: Params;
@group(0) @binding(7) var<uniform>             step: Step;

@compute @workgroup_size(LANES)
fn batch_norm_backward_weight(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let q = group.y;
  let C4 = (params.C + 3) / 4;
  let count = step.batch * params.SAMPLES * params.P;
  let mask = lane_mask(q, params.C);
  var shift_gradient = vec4f();
  var scale_gradient = vec4f();
  for (var batch = 0u; batch < params.BATCHES; batch++) {
    let at = batch * params.APART / 4 + q;
    let mean = statistics[at];
    let first = batch * params.ROWS * params.P;
    var shifts = vec4f();
    var scales = vec4f();
    for (var i = first + lane; i < first + count; i += LANES) {
      var g: vec4f;
      var v: vec4f;
      if (WHOLE) {
        g = dy[i * C4 + q];
        v = x[i * C4 + q];
      } else {
        let places = places_from(first_channel_at(i, q), q);
        let i4 = places / 4;
        let k = places % 4;
        g = vec4f(dy[i4.x][k.x], dy[i4.y][k.y], dy[i4.z][k.z], dy[i4.w][k.w]);
        v = vec4f(x[i4.x][k.x], x[i4.y][k.y], x[i4.z][k.z], x[i4.w][k.w]);
      }
      shifts += g;
      scales += g * (v - mean);
    }
    let shift = mask * quad_sum(shifts, lane);
    let scale = mask * quad_sum(scales, lane) * inverse_deviation(statistics[at + C4], count);
    shift_gradient += shift;
    scale_gradient += scale;
    if (lane == 0) {
      sums[2 * batch * C4 + q] = shift;
      sums[(2 * batch + 1) * C4 + q] = scale;
    }
  }
  if (lane == 0) {
    if (GRADIENTS == 1) {
      db[q] = shift_gradient;
      dw[q] = scale_gradient;
    } else if (GRADIENTS == 2) {
      db[q] += shift_gradient;
      dw[q] += scale_gradient;
    }
  }
}

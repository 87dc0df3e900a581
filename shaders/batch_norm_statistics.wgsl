// batch_norm_statistics: mean and variance of every channel, over the rows of the batch and their pixels
// uses: batch_norm, finite, lane_mask, quad_sum, row_sum, step
//
//   mean[c] = Σ x / count      variance[c] = Σ (x − mean)² / (count − 1)      count = step.batch · SAMPLES · P
//   of a single value the variance is 0
//
//   x (BATCHES·ROWS, P4(P·C)): stacked batches, each with statistics of its own
//   statistics (2, P4(C)), every APART values: mean, then the unbiased variance, laid out as the running ones
//   one workgroup per vec4 of channels and batch; grid (LANES, P4(C)/4, BATCHES)
//
// What is summed is distances: from the first value, then from the mean, so that a mean far from 0 costs no digits.
// An activation may hide what is not finite from the loss, hence `status` here.

override WHOLE: bool;       // a pixel's channels are whole vec4s

struct Params {
  P: u32,                   // pixels of a row; 1 for a vector
  C: u32,                   // channels
  SAMPLES: u32,             // rows an image
  ROWS: u32,                // rows of a batch, those behind the step's images counted
  APART: u32,               // values from one batch's statistics to the next's
}

@group(0) @binding(0) var<storage, read>       x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> statistics: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> status: atomic<u32>;   // failure(slot) of the first not finite
@group(0) @binding(3) var<uniform>             params: Params;
@group(0) @binding(4) var<uniform>             step: Step;

@compute @workgroup_size(LANES)
fn batch_norm_statistics(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let q = group.y;
  let count = step.batch * params.SAMPLES * params.P;
  let share = 1 / f32(max(count, 1));
  let first = group.z * params.ROWS * params.P;
  let origin = x_at(first, q);
  var distance = vec4f();
  for (var i = lane; i < count; i += LANES) { distance += x_at(first + i, q) - origin; }
  let near = origin + quad_sum(distance, lane) * share;
  var rest = vec4f();
  var squares = vec4f();
  for (var i = lane; i < count; i += LANES) {
    let d = x_at(first + i, q) - near;
    rest += d;
    squares += d * d;
  }
  let left = quad_sum(rest, lane) * share;                  // what rounding left between `near` and the mean
  let square = quad_sum(squares, lane) - left * left * f32(count);
  if (lane == 0) {
    let mask = lane_mask(q, params.C);
    let mean = mask * (near + left);
    let variance = mask * max(square, vec4f(0)) / f32(max(count, 2) - 1);
    let at = group.z * params.APART / 4 + q;
    statistics[at] = mean;
    statistics[at + (params.C + 3) / 4] = variance;
    let size = abs(mean) + variance;
    if (!is_finite(size.x + size.y + size.z + size.w)) { atomicMax(&status, failure(step.slot)); }
  }
}

// values of channels 4q … 4q+3 at position i = row · P + pixel
fn x_at(i: u32, q: u32) -> vec4f {
  if (WHOLE) { return x[i * ((params.C + 3) / 4) + q]; }
  let at = places_from(first_channel_at(i, q), q);
  return vec4f(x[at.x / 4][at.x % 4], x[at.y / 4][at.y % 4], x[at.z / 4][at.z % 4], x[at.w / 4][at.w % 4]);
}

// batch_norm_backward_input: the gradient of a batch normalisation's input, through the statistics too
// uses: activation, batch_norm, lane_mask, step
//
//   dx = w / √(variance + ε) · (dy − (sums[0] + x̂ · sums[1]) / count) · act'(x)     x̂ = (x − mean) / √(variance + ε)
//   with ADD dx = (dx + …) · act'(x), dx being the gradient of the layer's other readers; 0 in the rows behind the batch
//
//   dy, x, dx (BATCHES·ROWS, P4(P·C)): stacked batches   statistics (2, P4(C)), every APART values: mean, unbiased
//   variance   w (P4(C))   sums (BATCHES, 2, P4(C)): of batch_norm_backward_weight
//   one invocation owns every STRIDE-th vec4 of a batch of dx, which have the same channels; grid (STRIDE, BATCHES, 1)

override WG_X: u32 = 64;
override ADD: bool;
override ACTIVATION_X: u32; // of the layer that made x

struct Params {
  COUNT: u32,               // vec4s of a batch of dx
  STRIDE: u32,
  P: u32,                   // pixels of a row; 1 for a vector
  C: u32,                   // channels
  SAMPLES: u32,             // rows an image
  APART: u32,               // values from one batch's statistics to the next's
  SLOPE_X: f32,             // of that layer's activation, if it is PIECEWISE_LINEAR
}

@group(0) @binding(0) var<storage, read>       dy: array<vec4f>;
@group(0) @binding(1) var<storage, read>       x: array<vec4f>;
@group(0) @binding(2) var<storage, read>       statistics: array<f32>;
@group(0) @binding(3) var<storage, read>       w: array<f32>;
@group(0) @binding(4) var<storage, read>       sums: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(6) var<uniform>             params: Params;
@group(0) @binding(7) var<uniform>             step: Step;

@compute @workgroup_size(WG_X)
fn batch_norm_backward_input(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.STRIDE) { return; }
  let N4 = (params.P * params.C + 3) / 4;
  let rows = step.batch * params.SAMPLES;
  let count = rows * params.P;
  let share = 1 / f32(max(count, 1));
  let e = id.x % N4;
  let c = channels_at(e);
  let width = (params.C + 3) / 4 * 4;
  let m = c + id.y * params.APART;
  let v = m + width;
  let s = c + id.y * 2 * width;
  let t = s + width;
  let mean = vec4f(statistics[m.x], statistics[m.y], statistics[m.z], statistics[m.w]);
  let variance = vec4f(statistics[v.x], statistics[v.y], statistics[v.z], statistics[v.w]);
  let inverse = inverse_deviation(variance, count);
  let scale = inverse * vec4f(w[c.x], w[c.y], w[c.z], w[c.w]);
  let shift = share * vec4f(sums[s.x], sums[s.y], sums[s.z], sums[s.w]);
  let slope = share * inverse * vec4f(sums[t.x], sums[t.y], sums[t.z], sums[t.w]);
  let mask = lane_mask(e, params.P * params.C);
  let first = id.y * params.COUNT;
  for (var i = first + id.x; i < first + params.COUNT; i += params.STRIDE) {
    if (i - first >= rows * N4) {
      dx[i] = vec4f(0);
      continue;
    }
    let value = x[i];
    var g = scale * (dy[i] - shift - (value - mean) * slope);
    if (ADD) { g += dx[i]; }
    dx[i] = mask * g * activation_derivative(value, ACTIVATION_X, params.SLOPE_X);
  }
}

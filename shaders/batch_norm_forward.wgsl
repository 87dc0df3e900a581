// batch_norm_forward: y = act((x − mean) / √(variance + ε) · w + b), every channel with values of its own
// uses: activation, batch_norm, lane_mask, step
//
//   with BATCH the statistics are those of this step's rows, whose unbiased variance is made the biased one;
//   without it they are the running ones, taken as they are. ε = 1e-5              Ioffe & Szegedy 2015, as PyTorch
//
//   x, y (BATCHES·ROWS, P4(P·C)): stacked batches   w, b (P4(C))
//   statistics (2, P4(C)), every APART values: mean, variance
//   one invocation owns every STRIDE-th vec4 of a batch of y, which have the same channels; grid (STRIDE, BATCHES, 1)

override WG_X: u32 = 64;
override BATCH: bool;
override ACTIVATION: u32;

struct Params {
  COUNT: u32,               // vec4s of a batch of y
  STRIDE: u32,
  P: u32,                   // pixels of a row; 1 for a vector
  C: u32,                   // channels
  SAMPLES: u32,             // rows an image
  APART: u32,               // values from one batch's statistics to the next's; 0 for the running ones
  SLOPE: f32,               // of the activation, if it is PIECEWISE_LINEAR
}

@group(0) @binding(0) var<storage, read>       x: array<vec4f>;
@group(0) @binding(1) var<storage, read>       statistics: array<f32>;
@group(0) @binding(2) var<storage, read>       w: array<f32>;
@group(0) @binding(3) var<storage, read>       b: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<uniform>             params: Params;
@group(0) @binding(6) var<uniform>             step: Step;

@compute @workgroup_size(WG_X)
fn batch_norm_forward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.STRIDE) { return; }
  let e = id.x % ((params.P * params.C + 3) / 4);
  let c = channels_at(e);
  let m = c + id.y * params.APART;
  let v = m + (params.C + 3) / 4 * 4;
  let mean = vec4f(statistics[m.x], statistics[m.y], statistics[m.z], statistics[m.w]);
  let variance = vec4f(statistics[v.x], statistics[v.y], statistics[v.z], statistics[v.w]);
  var inverse: vec4f;
  if (BATCH) {
    inverse = inverse_deviation(variance, step.batch * params.SAMPLES * params.P);
  } else {
    inverse = inverseSqrt(variance + BATCH_NORM_EPSILON);
  }
  let scale = inverse * vec4f(w[c.x], w[c.y], w[c.z], w[c.w]);
  let shift = vec4f(b[c.x], b[c.y], b[c.z], b[c.w]);
  let mask = lane_mask(e, params.P * params.C);
  let first = id.y * params.COUNT;
  for (var i = first + id.x; i < first + params.COUNT; i += params.STRIDE) {
    y[i] = mask * activate((x[i] - mean) * scale + shift, ACTIVATION, params.SLOPE);
  }
}

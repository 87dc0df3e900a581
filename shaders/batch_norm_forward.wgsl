// batch_norm_forward: y = act((x − mean) / √(variance + ε) · w + b), every channel with values of its own
// uses: activation, batch_norm, lane_mask, step
//
//   with BATCH the statistics are those of this step's rows, whose unbiased variance is made the biased one;
//   without it they are the running ones, taken as they are. ε = 1e-5              Ioffe & Szegedy 2015, as PyTorch
//
//   x, y (B, P4(P·C))   statistics (2, P4(C)): mean, variance   w, b (P4(C))
//   one invocation owns every STRIDE-th vec4 of y, which have the same channels; grid (STRIDE, 1, 1)

override WG_X: u32 = 64;
override BATCH: bool;
override ACTIVATION: u32;

struct Params {
  COUNT: u32,               // vec4s of y
  STRIDE: u32,
  P: u32,                   // pixels of a row; 1 for a vector
  C: u32,                   // channels
  SAMPLES: u32,             // rows an image
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
  let v = c + (params.C + 3) / 4 * 4;
  let mean = vec4f(statistics[c.x], statistics[c.y], statistics[c.z], statistics[c.w]);
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
  for (var i = id.x; i < params.COUNT; i += params.STRIDE) {
    y[i] = mask * activate((x[i] - mean) * scale + shift, ACTIVATION, params.SLOPE);
  }
}

// gaussian_loss: a Gaussian likelihood with one variance for all pixels, loss and gradients in one pass
// uses: activation, finite, lane_mask, row_sum, step
//
//   losses[n]      = Σ_i ½ (μ − x)² / v + ½ log(2π v)
//   dmean[n,i]     = (μ − x) / v · act'(μ) / batch                  0 for n ≥ batch · SAMPLES; written over the means
//   dlogv_rows[n]  = Σ_i ½ (1 − (μ − x)² / v) / batch               0 for n ≥ batch · SAMPLES
//
//   means (B, P4(N))   x (B / SAMPLES, P4(N))   log_variance (1)   dlogv_rows (B)
//   losses (ring slots, 2, B): reconstruction, then KL, of every row
//   one workgroup a row; grid (LANES, B, 1)

override B: u32;
override SAMPLES: u32;       // rows an image: row n is one of image n / SAMPLES
override N: u32;             // pixels × channels of an image
override ACTIVATION_X: u32;  // of the layer that made the means
override SLOPE_X: f32;       // its slope, if it is PIECEWISE_LINEAR
override GRADIENT: bool;     // false leaves the means as they are
override LOG_VARIANCE: f32;  // the fixed one
override LEARNED: bool;      // read `log_variance` instead

override N4: u32 = (N + 3) / 4;

@group(0) @binding(0) var<storage, read_write> means: array<vec4f>;
@group(0) @binding(1) var<storage, read>       x: array<vec4f>;
@group(0) @binding(2) var<storage, read>       log_variance: array<f32>;
@group(0) @binding(3) var<storage, read_write> dlogv_rows: array<f32>;
@group(0) @binding(4) var<storage, read_write> losses: array<f32>;
@group(0) @binding(5) var<storage, read_write> status: atomic<u32>;   // failure(slot) of the first loss not finite
@group(0) @binding(6) var<uniform>             step: Step;

@compute @workgroup_size(LANES)
fn gaussian_loss(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = group.y;
  let scale = select(0, step.scale, n < step.batch * SAMPLES);
  var logv = LOG_VARIANCE;
  if (LEARNED) { logv = log_variance[0]; }
  let inverse = exp(-logv);
  var squares = vec4f(0);
  for (var q = lane; q < N4; q += LANES) {
    let at = n * N4 + q;
    let mean = means[at];
    let error = lane_mask(q, N) * (mean - x[n / SAMPLES * N4 + q]);
    squares += error * error;
    if (GRADIENT) { means[at] = error * inverse * scale * activation_derivative(mean, ACTIVATION_X, SLOPE_X); }
  }
  let square = row_sum(squares.x + squares.y + squares.z + squares.w, lane);
  if (lane == 0) {
    let total = 0.5 * (square * inverse + f32(N) * (logv + 1.8378770664093453));
    losses[step.slot * 2 * B + n] = total;
    dlogv_rows[n] = 0.5 * (f32(N) - square * inverse) * scale;
    if (n < step.batch * SAMPLES && !is_finite(total)) { atomicMax(&status, failure(step.slot)); }
  }
}

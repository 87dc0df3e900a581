// bce_loss: binary cross-entropy from logits, or the continuous Bernoulli likelihood of grey values in [0, 1];
// loss and gradient in one pass
// uses: activation, continuous_bernoulli, finite, lane_mask, row_sum, step
//
//   losses[n]    = Σ_i A(l) − l·x            A is the log-normaliser, its derivative the mean
//   dlogits[n,i] = (A'(l) − x) · act'(l) / batch            0 for n ≥ batch · SAMPLES; written over the logits
//
//   Bernoulli     A(l) = max(l,0) + log(1 + exp(−|l|))   A'(l) = sigmoid(l)
//   CONTINUOUS    A(l) = log((exp(l) − 1) / l)           A'(l) = 1 / (1 − exp(−l)) − 1 / l
//   Loaiza-Ganem & Cunningham 2019, in the natural parameter: their C(λ) is l / tanh(l/2)
//
//   logits (B, P4(N))   x (B / SAMPLES, P4(N))   losses (ring slots, 2, B): reconstruction, then KL, of every row
//   one workgroup a row; grid (LANES, B, 1)

override B: u32;
override SAMPLES: u32;       // rows an image: row n is one of image n / SAMPLES
override N: u32;             // pixels × channels of an image
override ACTIVATION_X: u32;  // of the layer that made the logits
override SLOPE_X: f32;       // its slope, if it is PIECEWISE_LINEAR
override GRADIENT: bool;     // false leaves the logits as they are
override CONTINUOUS: bool;   // the continuous Bernoulli likelihood

override N4: u32 = (N + 3) / 4;

@group(0) @binding(0) var<storage, read_write> logits: array<vec4f>;
@group(0) @binding(1) var<storage, read>       x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> losses: array<f32>;
@group(0) @binding(3) var<storage, read_write> status: atomic<u32>;   // failure(slot) of the first loss not finite
@group(0) @binding(4) var<uniform>             step: Step;

@compute @workgroup_size(LANES)
fn bce_loss(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = group.y;
  let scale = select(0, step.scale, n < step.batch * SAMPLES);
  var sum = vec4f(0);
  for (var q = lane; q < N4; q += LANES) {
    let at = n * N4 + q;
    let l = logits[at];
    let target_value = x[n / SAMPLES * N4 + q];
    let mask = lane_mask(q, N);
    var mean: vec4f;
    if (CONTINUOUS) {
      sum += mask * (continuous_log_normalizer(l) - l * target_value);
      mean = continuous_mean(l);
    } else {
      let small = exp(-abs(l));
      sum += mask * (max(l, vec4f(0)) - l * target_value + log(1 + small));
      mean = select(small, vec4f(1), l >= vec4f(0)) / (1 + small);
    }
    if (GRADIENT) {
      logits[at] = mask * scale * (mean - target_value) * activation_derivative(l, ACTIVATION_X, SLOPE_X);
    }
  }
  let total = row_sum(sum.x + sum.y + sum.z + sum.w, lane);
  if (lane == 0) {
    losses[step.slot * 2 * B + n] = total;
    if (n < step.batch * SAMPLES && !is_finite(total)) { atomicMax(&status, failure(step.slot)); }
  }
}

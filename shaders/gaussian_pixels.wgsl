// gaussian_pixels: where in an image its reconstruction loss lies, of a Gaussian likelihood
// uses: lane_mask, step
//
//   pixels[n,i] = Σ_s w[s] · (½ (μ[s,i] − x[n,i])² / v + ½ log(2π v))        s over the SAMPLES rows of image n
//   w is 1, with WEIGHTED the row's weight; where step.counter > 0, after an image's first draw, it adds (+=)
//
//   means (B · SAMPLES, P4(N))   weights (B · SAMPLES)   log_variance (1)
//   x, pixels (B, P4(N)); padding lanes of pixels are 0
//   one invocation per vec4 of pixels; grid (P4(N)/4, B, 1)

override WG_X: u32 = 64;
override B: u32;             // images
override SAMPLES: u32;       // rows an image
override N: u32;             // pixels × channels of an image
override LOG_VARIANCE: f32;  // the fixed one
override LEARNED: bool;      // read `log_variance` instead
override WEIGHTED: bool;

override N4: u32 = (N + 3) / 4;

@group(0) @binding(0) var<storage, read>       means: array<vec4f>;
@group(0) @binding(1) var<storage, read>       weights: array<f32>;
@group(0) @binding(2) var<storage, read>       x: array<vec4f>;
@group(0) @binding(3) var<storage, read>       log_variance: array<f32>;
@group(0) @binding(4) var<storage, read_write> pixels: array<vec4f>;
@group(0) @binding(5) var<uniform>             step: Step;

@compute @workgroup_size(WG_X)
fn gaussian_pixels(@builtin(global_invocation_id) id: vec3u) {
  let q = id.x;
  let n = id.y;
  if (q >= N4 || n >= B) { return; }
  var logv = LOG_VARIANCE;
  if (LEARNED) { logv = log_variance[0]; }
  let inverse = exp(-logv);
  let target_value = x[n * N4 + q];
  var sum = vec4f(0);
  for (var row = n * SAMPLES; row < (n + 1) * SAMPLES; row++) {
    let error = means[row * N4 + q] - target_value;
    var loss = 0.5 * (error * error * inverse + logv + 1.8378770664093453);
    if (WEIGHTED) { loss *= weights[row]; }
    sum += loss;
  }
  let at = n * N4 + q;
  if (step.counter > 0) { sum += pixels[at]; }
  pixels[at] = sum * lane_mask(q, N);
}

// bce_pixels: where in an image its reconstruction loss lies, of either Bernoulli likelihood
// uses: continuous_bernoulli, lane_mask, step
//
//   pixels[n,i] = Σ_s w[s] · (A(l[s,i]) − l[s,i] · x[n,i])        s over the SAMPLES rows of image n; A as in bce_loss
//   w is 1, with WEIGHTED the row's weight; where step.counter > 0, after an image's first draw, it adds (+=)
//
//   logits (B · SAMPLES, P4(N))   weights (B · SAMPLES)   x, pixels (B, P4(N)); padding lanes of pixels are 0
//   one invocation per vec4 of pixels; grid (P4(N)/4, B, 1)

override WG_X: u32 = 64;
override B: u32;             // images
override SAMPLES: u32;       // rows an image
override N: u32;             // pixels × channels of an image
override CONTINUOUS: bool;   // the continuous Bernoulli likelihood
override WEIGHTED: bool;

override N4: u32 = (N + 3) / 4;

@group(0) @binding(0) var<storage, read>       logits: array<vec4f>;
@group(0) @binding(1) var<storage, read>       weights: array<f32>;
@group(0) @binding(2) var<storage, read>       x: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> pixels: array<vec4f>;
@group(0) @binding(4) var<uniform>             step: Step;

@compute @workgroup_size(WG_X)
fn bce_pixels(@builtin(global_invocation_id) id: vec3u) {
  let q = id.x;
  let n = id.y;
  if (q >= N4 || n >= B) { return; }
  let target_value = x[n * N4 + q];
  var sum = vec4f(0);
  for (var row = n * SAMPLES; row < (n + 1) * SAMPLES; row++) {
    let l = logits[row * N4 + q];
    var loss: vec4f;
    if (CONTINUOUS) {
      loss = continuous_log_normalizer(l) - l * target_value;
    } else {
      loss = max(l, vec4f(0)) - l * target_value + log(1 + exp(-abs(l)));
    }
    if (WEIGHTED) { loss *= weights[row]; }
    sum += loss;
  }
  let at = n * N4 + q;
  if (step.counter > 0) { sum += pixels[at]; }
  pixels[at] = sum * lane_mask(q, N);
}

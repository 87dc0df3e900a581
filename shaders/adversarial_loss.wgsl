// adversarial_loss: the losses of a VAE with a discriminator (Larsen et al. 2016), and their gradients
// uses: activation, finite, lane_mask, row_sum, step
//
//   reconstruction = ½ Σ_i (f̃[n,i] − f[n,i])²     adversarial = softplus(−D(x)) + softplus(D(x̃)) + softplus(D(x_p))
//   dfeatures[n,i] = (f̃[n,i] − f[n,i]) · act'(f̃) / batch
//   dlogits = [σ(D(x̃)); σ(D(x_p)); −σ(−D(x))] / batch
//   both 0 for n ≥ batch
//
//   features (3·B, P4(F)) and logits (3·B, 4), of which one is a value: of x̃, x_p and x, one batch behind the other
//   dfeatures (B, P4(F))   dlogits (3·B, 4)
//   row_losses (ring slots, 2, B): the latent's is the second   losses (ring slots, 6, B): reconstruction, the latent's,
//   adversarial, then σ(D) of x, x̃ and x_p
//   one workgroup an image; grid (LANES, B, 1)

override B: u32;
override F: u32;            // values of a row of features
override ACTIVATION_X: u32; // of the layer that made the features
override SLOPE_X: f32;      // its slope, if it is PIECEWISE_LINEAR
override LATENT: bool;      // the latent leaves a loss
override GRADIENT: bool;    // false leaves dfeatures and dlogits alone

override F4: u32 = (F + 3) / 4;

@group(0) @binding(0) var<storage, read>       features: array<vec4f>;
@group(0) @binding(1) var<storage, read>       logits: array<vec4f>;
@group(0) @binding(2) var<storage, read>       row_losses: array<f32>;
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;
@group(0) @binding(4) var<storage, read_write> dfeatures: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> dlogits: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> status: atomic<u32>;   // failure(slot) of the first loss not finite
@group(0) @binding(7) var<uniform>             step: Step;

@compute @workgroup_size(LANES)
fn adversarial_loss(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = group.y;
  let scale = select(0, step.scale, n < step.batch);
  var sum = vec4f(0);
  for (var q = lane; q < F4; q += LANES) {
    let made = features[n * F4 + q];
    let difference = made - features[(2 * B + n) * F4 + q];
    sum += lane_mask(q, F) * difference * difference;
    if (GRADIENT) {
      let derivative = activation_derivative(made, ACTIVATION_X, SLOPE_X);
      dfeatures[n * F4 + q] = lane_mask(q, F) * scale * difference * derivative;
    }
  }
  let reconstruction = 0.5 * row_sum(sum.x + sum.y + sum.z + sum.w, lane);
  if (lane > 0) { return; }
  let judged = vec4f(logits[2 * B + n].x, logits[n].x, logits[B + n].x, 0);    // x, x̃, x_p
  let against = judged * vec4f(-1, 1, 1, 0);
  let terms = softplus(against);
  let adversarial = terms.x + terms.y + terms.z;
  let probability = activate(judged, SIGMOID, 0);
  if (GRADIENT) {
    let d = scale * activate(against, SIGMOID, 0);
    dlogits[n] = vec4f(d.y, 0, 0, 0);
    dlogits[B + n] = vec4f(d.z, 0, 0, 0);
    dlogits[2 * B + n] = vec4f(-d.x, 0, 0, 0);
  }
  let at = step.slot * 6 * B + n;
  losses[at] = reconstruction;
  losses[at + B] = 0;
  if (LATENT) { losses[at + B] = row_losses[(step.slot * 2 + 1) * B + n]; }
  losses[at + 2 * B] = adversarial;
  losses[at + 3 * B] = probability.x;
  losses[at + 4 * B] = probability.y;
  losses[at + 5 * B] = probability.z;
  if (n < step.batch && !is_finite(reconstruction + adversarial)) { atomicMax(&status, failure(step.slot)); }
}

// reparameterize_backward: the gradients of z = μ + exp(½ logvar) · ε and of the KL divergence, together
// uses: step
//
//   dmean         = dz + klWeight/batch · mean
//   dlog_variance = dz · noise · ½ exp(½ log_variance) + klWeight/batch · ½ (exp(log_variance) − 1)
//   with FREE_BITS the KL's gradient is times kept, see free_bits_loss; with WEIGHTED times the row's weight
//
//   dz, noise (B, P4(Z))   head, dhead (B, 2·P4(Z)): a row is mean, then log-variance   kept (P4(Z))
//   weights (B); an image has HEADS rows
//   one invocation per vec4 of dz; grid (P4(Z)/4, B, 1)

override WG_X: u32 = 8;
override WG_Y: u32 = 8;
override B: u32;
override Z: u32;            // latent size
override HEADS: u32;        // rows per image
override FREE_BITS: bool;
override WEIGHTED: bool;    // dz has the weights already

override Z4: u32 = (Z + 3) / 4;

@group(0) @binding(0) var<storage, read>       dz: array<vec4f>;
@group(0) @binding(1) var<storage, read>       head: array<vec4f>;
@group(0) @binding(2) var<storage, read>       noise: array<vec4f>;
@group(0) @binding(3) var<storage, read>       kept: array<vec4f>;
@group(0) @binding(4) var<storage, read>       weights: array<f32>;
@group(0) @binding(5) var<storage, read_write> dhead: array<vec4f>;
@group(0) @binding(6) var<uniform>             step: Step;

@compute @workgroup_size(WG_X, WG_Y)
fn reparameterize_backward(@builtin(global_invocation_id) id: vec3u) {
  let q = id.x;
  let n = id.y;
  if (q >= Z4 || n >= B) { return; }
  let at_mean = 2 * n * Z4 + q;
  let at_log_variance = at_mean + Z4;
  if (n >= step.batch * HEADS) {
    dhead[at_mean] = vec4f(0);
    dhead[at_log_variance] = vec4f(0);
    return;
  }
  let g = dz[n * Z4 + q];
  let deviation = exp(0.5 * head[at_log_variance]);
  var weight = vec4f(step.kl_weight * step.scale);
  if (FREE_BITS) { weight *= kept[q]; }
  if (WEIGHTED) { weight *= weights[n]; }
  dhead[at_mean] = g + weight * head[at_mean];
  dhead[at_log_variance] = g * noise[n * Z4 + q] * 0.5 * deviation + weight * 0.5 * (deviation * deviation - 1);
}

// importance_backward: the importance-weighted bound's gradient by mean and log-variance
// uses: lane_mask, step
//
//   −log w of a sample holds klWeight · Σ_j ½ (z² − noise² − log_variance), whence with c = klWeight/batch
//
//   dmean         = Σ_s (dz[s] + c · weights[s] · z[s])
//   dlog_variance = Σ_s (dz[s] + c · weights[s] · z[s]) · noise[s] · ½ exp(½ log_variance) − ½ c
//
//   row n · SAMPLES + s is sample s of image n; dz holds its weight already, see importance_loss
//   dz, noise (rows, P4(Z))   weights (rows)   head, dhead (B, 2·P4(Z)): a row is mean, then log-variance
//   one invocation per vec4 of an image's mean; grid (P4(Z)/4, B, 1)

override WG_X: u32 = 8;
override WG_Y: u32 = 8;
override B: u32;            // images
override SAMPLES: u32;
override Z: u32;            // latent size

override Z4: u32 = (Z + 3) / 4;

@group(0) @binding(0) var<storage, read>       dz: array<vec4f>;
@group(0) @binding(1) var<storage, read>       head: array<vec4f>;
@group(0) @binding(2) var<storage, read>       noise: array<vec4f>;
@group(0) @binding(3) var<storage, read>       weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> dhead: array<vec4f>;
@group(0) @binding(5) var<uniform>             step: Step;

@compute @workgroup_size(WG_X, WG_Y)
fn importance_backward(@builtin(global_invocation_id) id: vec3u) {
  let q = id.x;
  let n = id.y;
  if (q >= Z4 || n >= B) { return; }
  let at_mean = 2 * n * Z4 + q;
  let at_log_variance = at_mean + Z4;
  if (n >= step.batch) {
    dhead[at_mean] = vec4f(0);
    dhead[at_log_variance] = vec4f(0);
    return;
  }
  let mean = head[at_mean];
  let deviation = exp(0.5 * head[at_log_variance]);
  let c = step.kl_weight * step.scale;
  var dmean = vec4f(0);
  var dnoise = vec4f(0);
  for (var s = 0u; s < SAMPLES; s++) {
    let row = n * SAMPLES + s;
    let epsilon = noise[row * Z4 + q];
    let g = dz[row * Z4 + q] + c * weights[row] * (mean + deviation * epsilon);
    dmean += g;
    dnoise += g * epsilon;
  }
  dhead[at_mean] = dmean;
  dhead[at_log_variance] = 0.5 * (dnoise * deviation - c * lane_mask(q, Z));
}

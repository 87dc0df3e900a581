// importance_loss: the importance-weighted bound of every image, and its weights on the gradients of its samples
// uses: row_sum, step
//
//   log w[n,s]   = −reconstruction[n,s] − klWeight · (log q − log p)[n,s]       Burda, Grosse & Salakhutdinov 2016
//   objective[n] = −log (1/SAMPLES) Σ_s w[n,s]
//   weights[n,s] = w[n,s] / Σ_s w[n,s]                    0 for n ≥ batch
//   dy[n,s]     *= weights[n,s]                           what the likelihood left as the gradient of its own loss
//
//   row n · SAMPLES + s is sample s of image n
//   row_losses (ring slots, 2, ROWS): reconstruction, then log q − log p   weights (ROWS)   dy (ROWS, P4(N))
//   losses (ring slots, 3, B): the means of both over an image's samples, then its objective
//   one workgroup an image; grid (LANES, B, 1)

override B: u32;             // images
override ROWS: u32;          // of samples; padding rows at the end, fewer than those of B images
override SAMPLES: u32;
override N: u32;             // pixels × channels of an image

override N4: u32 = (N + 3) / 4;

@group(0) @binding(0) var<storage, read>       row_losses: array<f32>;
@group(0) @binding(1) var<storage, read_write> losses: array<f32>;
@group(0) @binding(2) var<storage, read_write> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> dy: array<vec4f>;
@group(0) @binding(4) var<uniform>             step: Step;

@compute @workgroup_size(LANES)
fn importance_loss(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = group.y;
  let first = n * SAMPLES;
  if (n >= step.batch) {
    for (var row = first + lane; row < min(first + SAMPLES, ROWS); row += LANES) { weights[row] = 0; }
    return;
  }
  var largest = log_weight(first);
  for (var s = 1u; s < SAMPLES; s++) { largest = max(largest, log_weight(first + s)); }
  var total = 0.0;
  for (var s = 0u; s < SAMPLES; s++) { total += exp(log_weight(first + s) - largest); }
  for (var s = 0u; s < SAMPLES; s++) {
    let row = first + s;
    let weight = exp(log_weight(row) - largest) / total;
    for (var q = lane; q < N4; q += LANES) { dy[row * N4 + q] *= weight; }
    if (lane == 0) { weights[row] = weight; }
  }
  if (lane == 0) {
    var reconstruction = 0.0;
    var kl = 0.0;
    for (var s = 0u; s < SAMPLES; s++) {
      reconstruction += row_losses[row_at(0, first + s)];
      kl += row_losses[row_at(1, first + s)];
    }
    let at = step.slot * 3 * B + n;
    losses[at] = reconstruction / f32(SAMPLES);
    losses[at + B] = kl / f32(SAMPLES);
    losses[at + 2 * B] = log(f32(SAMPLES)) - largest - log(total);
  }
}

fn log_weight(row: u32) -> f32 {
  return -row_losses[row_at(0, row)] - step.kl_weight * row_losses[row_at(1, row)];
}

fn row_at(part: u32, row: u32) -> u32 {
  return (step.slot * 2 + part) * ROWS + row;
}

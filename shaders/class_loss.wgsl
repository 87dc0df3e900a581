// class_loss: the loss of every image whose label may be unknown, out of what each class would cost, and its gradients
// uses: finite, row_sum, step
//
//   q = softmax(logits[n]); w[k] = 1 for a known label, 0 for the other classes, q[k] where none is known
//   c[k] = reconstruction[n,k] + klWeight · KL[n,k]                              Kingma et al. 2014, eq. 6 to 9
//
//   reconstruction[n] = Σ_k w[k] reconstruction[n,k]     kl[n] = Σ_k w[k] KL[n,k]
//   label[n]          = ln K                 where the label is known, else ln K + Σ_k q[k] ln q[k]
//   classification[n] = −ln q[label]         where it is known, else 0
//   correct[n]        = 1 where it is known and the largest q is its, else 0;  known[n] = 1 where it is known, else 0
//
//   weights[n,k]      = w[k]                 0 for n ≥ batch
//   dy[n,k]          *= w[k]                 what the likelihood left as the gradient of its own loss; with GRADIENT
//   dlogits[n,j]      = CLASSIFIER_WEIGHT (q[j] − [j = label]) / batch                       where it is known, else
//                       q[j] (c[j] + ln q[j] − Σ_k q[k] (c[k] + ln q[k])) / batch
//
//   row n · K + k is class k of image n; labels of K and more are unknown
//   logits, dlogits (B, P4(K))   labels (B)   row_losses (ring slots, 2, B · K)   weights (B · K)   dy (B · K, P4(N))
//   losses (ring slots, 6, B): as listed above
//   one workgroup an image; grid (LANES, B, 1)

override B: u32;             // images
override K: u32;             // classes
override N: u32;             // pixels × channels of an image
override CLASSIFIER_WEIGHT: f32;
override GRADIENT: bool;     // false leaves dy as it is, and dlogits

override N4: u32 = (N + 3) / 4;
override STRIDE: u32 = (K + 3) / 4 * 4;

@group(0) @binding(0) var<storage, read>       logits: array<f32>;
@group(0) @binding(1) var<storage, read>       labels: array<u32>;
@group(0) @binding(2) var<storage, read>       row_losses: array<f32>;
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;
@group(0) @binding(4) var<storage, read_write> weights: array<f32>;
@group(0) @binding(5) var<storage, read_write> dy: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> dlogits: array<f32>;
@group(0) @binding(7) var<storage, read_write> status: atomic<u32>;   // failure(slot) of the first loss not finite
@group(0) @binding(8) var<uniform>             step: Step;

@compute @workgroup_size(LANES)
fn class_loss(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = group.y;
  let first = n * K;
  let label = labels[n];
  let is_live = n < step.batch;
  let is_known = label < K;
  var best = 0u;
  for (var k = 1u; k < K; k++) {
    if (logits[n * STRIDE + k] > logits[n * STRIDE + best]) { best = k; }
  }
  let largest = logits[n * STRIDE + best];
  var total = 0.0;
  for (var k = 0u; k < K; k++) { total += exp(logits[n * STRIDE + k] - largest); }
  let log_total = largest + log(total);

  var reconstruction = 0.0;
  var kl = 0.0;
  var negative_entropy = 0.0;
  for (var k = 0u; k < K; k++) {
    let log_q = logits[n * STRIDE + k] - log_total;
    let weight = weight_of(k, label, log_q);
    if (weight > 0) {
      reconstruction += weight * row_losses[row_at(0, first + k)];
      kl += weight * row_losses[row_at(1, first + k)];
    }
    negative_entropy += exp(log_q) * log_q;
  }

  let mean = reconstruction + step.kl_weight * kl + negative_entropy;
  for (var k = lane; k < STRIDE; k += LANES) {
    var weight = 0.0;
    var gradient = 0.0;
    if (k < K && is_live) {
      let log_q = logits[n * STRIDE + k] - log_total;
      weight = weight_of(k, label, log_q);
      if (is_known) {
        gradient = CLASSIFIER_WEIGHT * (exp(log_q) - weight);
      } else {
        gradient = exp(log_q) * (cost_of(first + k) + log_q - mean);
      }
    }
    if (k < K) { weights[first + k] = weight; }
    if (GRADIENT) { dlogits[n * STRIDE + k] = step.scale * gradient; }
  }
  if (GRADIENT && is_live) {
    for (var k = 0u; k < K; k++) {
      let weight = weight_of(k, label, logits[n * STRIDE + k] - log_total);
      for (var q = lane; q < N4; q += LANES) {
        let at = (first + k) * N4 + q;
        if (weight > 0) { dy[at] *= weight; } else { dy[at] = vec4f(0); }
      }
    }
  }
  if (lane == 0) {
    let at = step.slot * 6 * B + n;
    var label_loss = log(f32(K));
    var classification = 0.0;
    var correct = 0.0;
    if (is_known) {
      classification = log_total - logits[n * STRIDE + label];
      correct = select(0.0, 1.0, best == label);
    } else {
      label_loss += negative_entropy;
    }
    losses[at] = reconstruction;
    losses[at + B] = kl;
    losses[at + 2 * B] = label_loss;
    losses[at + 3 * B] = classification;
    losses[at + 4 * B] = correct;
    losses[at + 5 * B] = select(0.0, 1.0, is_known);
    if (is_live && !is_finite(reconstruction + kl + label_loss + classification)) {
      atomicMax(&status, failure(step.slot));
    }
  }
}

fn weight_of(k: u32, label: u32, log_q: f32) -> f32 {
  if (label < K) { return select(0.0, 1.0, k == label); }
  return exp(log_q);
}

fn cost_of(row: u32) -> f32 {
  return row_losses[row_at(0, row)] + step.kl_weight * row_losses[row_at(1, row)];
}

fn row_at(part: u32, row: u32) -> u32 {
  return (step.slot * 2 + part) * B * K + row;
}

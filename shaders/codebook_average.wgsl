// codebook_average: the codes as moving averages of what chose them (van den Oord et al. 2017, appendix A.1)
// uses: quantized_position, step, streams, threefry
//
//   count[k] = DECAY · count[k] + (1 − DECAY) · counts[k]
//   mean[k]  = DECAY · mean[k]  + (1 − DECAY) · sums[k]
//   e_k      = mean[k] / ((count[k] + ε) / (N + K ε) · N)          N = Σ count: Laplace smoothing, ε = 1e-5
//
//   A code whose count falls under DEAD · N / K starts again from the encoder's vector at a random position of the
//   batch (of its last slice), with the count N / K. The place of code k is drawn from index k, position `step.counter`.
//
//   z (B, P4(P·D))   counts, count (P4(K))   sums, mean, codebook (P4(K), P4(D))
//   one workgroup, a lane every 256th code; grid (256, 1, 1)
//
// Nothing changes once `status` is set: a step whose loss is not finite leaves the codes as they were.

override P: u32;            // positions of an image
override D: u32;            // values of a code
override K: u32;            // codes
override DECAY: f32;
override DEAD: f32;         // share of the mean count under which a code is dead

override D4: u32 = (D + 3) / 4;

@group(0) @binding(0) var<storage, read>       z: array<f32>;
@group(0) @binding(1) var<storage, read>       counts: array<f32>;
@group(0) @binding(2) var<storage, read>       sums: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> count: array<f32>;
@group(0) @binding(4) var<storage, read_write> mean: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> codebook: array<vec4f>;
@group(0) @binding(6) var<storage, read>       status: u32;
@group(0) @binding(7) var<uniform>             step: Step;

var<workgroup> partial: array<f32, 256>;

@compute @workgroup_size(256)
fn codebook_average(@builtin(local_invocation_index) lane: u32) {
  let live = status == 0;
  var sum = 0.0;
  for (var k = lane; k < K; k += 256) {
    let moved = DECAY * count[k] + (1 - DECAY) * counts[k];
    if (live) { count[k] = moved; }
    sum += moved;
  }
  partial[lane] = sum;
  for (var half = 128u; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) { partial[lane] += partial[lane + half]; }
  }
  workgroupBarrier();
  if (!live) { return; }
  let total = partial[0];
  let share = total / f32(K);
  for (var k = lane; k < K; k += 256) {
    if (count[k] < DEAD * share) {
      revive(k, share);
      continue;
    }
    let smoothed = (count[k] + 1e-5) / (total + f32(K) * 1e-5) * total;
    for (var at = k * D4; at < (k + 1) * D4; at++) {
      let moved = DECAY * mean[at] + (1 - DECAY) * sums[at];
      mean[at] = moved;
      codebook[at] = moved / smoothed;
    }
  }
}

fn revive(k: u32, share: f32) {
  let bits = threefry2x32(stream_key(step.seed, REVIVE_STREAM), vec2u(k, step.counter));
  let place = bits.x % (step.batch * P);
  let first = place / P * ((P * D + 3) / 4 * 4) + place % P * D;
  for (var q = 0u; q < D4; q++) {
    let value = position_quad(first, q);
    codebook[k * D4 + q] = value;
    mean[k * D4 + q] = share * value;
  }
  count[k] = share;
}

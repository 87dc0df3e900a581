// attention_write_forward: DRAW's strokes through its grid of filters, onto the canvas (Gregor et al. 2015, eq. 29)
// uses: attention, row_sum
//
//   patch = P h_dec + p, (C, S, S)        (g̃_X, g̃_Y, ln σ², ln δ̃, ln γ) = A h_dec + b     filters: see lib/attention
//   middle = patch F_X                    canvas = before + γ⁻¹ F_Yᵀ middle                every channel alike
//
//   h_dec (B, P4(D))   before, canvas (B, P4(C·H·W)): channel, row, column
//   w: P (P4(C·S·S), P4(D)), and from quads P_BIAS, A, A_BIAS on p (P4(C·S·S)), A (8, P4(D)), b (8)
//   saved (B, ROW): F_X, F_Y, middle (C, S, W), room for the filters' gradients, the five outputs and three more, patch
//   one workgroup a row; grid (LANES, B, 1)

override B: u32;
override C: u32;            // channels
override H: u32;
override W: u32;
override S: u32;            // filters each way, 2 or more
override D: u32;            // units of the decoder
override P_BIAS: u32;
override A: u32;
override A_BIAS: u32;

override MIDDLE: u32 = S * (W + H);
override DFILTERS: u32 = MIDDLE + C * S * W;
override OUTPUTS: u32 = DFILTERS + S * (W + H);
override PATCH: u32 = OUTPUTS + 8;
override ROW: u32 = (PATCH + C * S * S + 3) / 4 * 4;
override STRIDE: u32 = (C * H * W + 3) / 4 * 4;
override D4: u32 = (D + 3) / 4;

@group(0) @binding(0) var<storage, read>       h_dec: array<vec4f>;
@group(0) @binding(1) var<storage, read>       w: array<vec4f>;
@group(0) @binding(2) var<storage, read>       before: array<f32>;
@group(0) @binding(3) var<storage, read_write> saved: array<f32>;
@group(0) @binding(4) var<storage, read_write> canvas: array<f32>;

@compute @workgroup_size(LANES)
fn attention_write_forward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = group.y;
  let row = n * ROW;
  for (var o = lane; o < 5; o += LANES) { saved[row + OUTPUTS + o] = product(n, A + o * D4, A_BIAS + o / 4, o); }
  for (var o = lane; o < C * S * S; o += LANES) { saved[row + PATCH + o] = product(n, o * D4, P_BIAS + o / 4, o); }
  storageBarrier();
  attention_filters(row, lane);
  storageBarrier();
  for (var i = lane; i < C * S * W; i += LANES) {
    let patch_line = row + PATCH + i / W * S;
    var sum = 0.0;
    for (var j = 0u; j < S; j++) { sum += saved[patch_line + j] * saved[row + j * W + i % W]; }
    saved[row + MIDDLE + i] = sum;
  }
  storageBarrier();
  let intensity = attention_intensity(row);
  for (var i = lane; i < STRIDE; i += LANES) {
    var sum = 0.0;
    if (i < C * H * W) {
      let filter_y = row + S * W + i / W % H;
      let column = row + MIDDLE + i / (H * W) * S * W + i % W;
      for (var j = 0u; j < S; j++) { sum += saved[filter_y + j * H] * saved[column + j * W]; }
      sum = before[n * STRIDE + i] + sum / intensity;
    }
    canvas[n * STRIDE + i] = sum;
  }
}

// bias + the product of h_dec with a row of weights; o is the output's number
fn product(n: u32, first: u32, bias: u32, o: u32) -> f32 {
  var sum = w[bias][o % 4];
  for (var i = 0u; i < D4; i++) { sum += dot(w[first + i], h_dec[n * D4 + i]); }
  return sum;
}

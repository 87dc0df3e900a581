// attention_read_forward: what DRAW's encoder reads through its grid of filters (Gregor et al. 2015, equation 27)
// uses: attention, row_sum
//
//   (g̃_X, g̃_Y, ln σ², ln δ̃, ln γ) = A h_dec + b          filters F_X (S, W), F_Y (S, H): see lib/attention
//   middle[k] = v_k F_Xᵀ     of v_0 = x and v_1 = x − sigmoid(canvas), every channel alike
//   r_k       = γ F_Y middle[k]
//   y         = [r_0, r_1, h_dec, h_enc, 1, 1]            the ones carry the biases
//
//   x, canvas (B, P4(C·H·W)): channel, row, column   h_dec (B, P4(D))   h_enc (B, P4(E))
//   w: A (8, P4(D)), and from quad BIAS on b (8)   y (B, P4(2·C·S·S + D + E + 2))
//   saved (B, ROW): F_X, F_Y, middle (2, C, H, S), room for the filters' gradients, the five outputs
//   one workgroup a row; grid (LANES, B, 1)

override B: u32;
override C: u32;            // channels
override H: u32;
override W: u32;
override S: u32;            // filters each way, 2 or more
override D: u32;            // units of the decoder
override E: u32;            // units of the encoder
override BIAS: u32;

override MIDDLE: u32 = S * (W + H);
override DFILTERS: u32 = MIDDLE + 2 * C * H * S;
override OUTPUTS: u32 = DFILTERS + S * (W + H);
override ROW: u32 = (OUTPUTS + 8) / 4 * 4;
override STRIDE: u32 = (C * H * W + 3) / 4 * 4;
override D4: u32 = (D + 3) / 4;
override STRIDE_E: u32 = (E + 3) / 4 * 4;
override GLIMPSE: u32 = 2 * C * S * S;
override WIDTH: u32 = GLIMPSE + D + E + 2;
override STRIDE_Y: u32 = (WIDTH + 3) / 4 * 4;

@group(0) @binding(0) var<storage, read>       x: array<f32>;
@group(0) @binding(1) var<storage, read>       canvas: array<f32>;
@group(0) @binding(2) var<storage, read>       h_dec: array<vec4f>;
@group(0) @binding(3) var<storage, read>       h_enc: array<f32>;
@group(0) @binding(4) var<storage, read>       w: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> saved: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(LANES)
fn attention_read_forward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = group.y;
  let row = n * ROW;
  for (var o = lane; o < 5; o += LANES) {
    var sum = w[BIAS + o / 4][o % 4];
    for (var i = 0u; i < D4; i++) { sum += dot(w[o * D4 + i], h_dec[n * D4 + i]); }
    saved[row + OUTPUTS + o] = sum;
  }
  storageBarrier();
  attention_filters(row, lane);
  storageBarrier();
  for (var i = lane; i < C * H * S; i += LANES) {
    let filter_x = row + i % S * W;
    let line = n * STRIDE + i / S * W;
    var sum = vec2f(0);
    for (var a = 0u; a < W; a++) {
      let pixel = x[line + a];
      let error = pixel - 1 / (1 + exp(-clamp(canvas[line + a], -80, 80)));
      sum += saved[filter_x + a] * vec2f(pixel, error);
    }
    saved[row + MIDDLE + i] = sum.x;
    saved[row + MIDDLE + C * H * S + i] = sum.y;
  }
  storageBarrier();
  let intensity = attention_intensity(row);
  for (var i = lane; i < STRIDE_Y; i += LANES) {
    var value = select(0.0, 1.0, i < WIDTH);
    if (i < GLIMPSE) {
      let filter_y = row + S * W + i / S % S * H;
      let column = row + MIDDLE + i / (S * S) * H * S + i % S;
      value = 0;
      for (var b = 0u; b < H; b++) { value += saved[filter_y + b] * saved[column + b * S]; }
      value *= intensity;
    } else if (i < GLIMPSE + D) {
      let u = i - GLIMPSE;
      value = h_dec[n * D4 + u / 4][u % 4];
    } else if (i < GLIMPSE + D + E) {
      value = h_enc[n * STRIDE_E + i - GLIMPSE - D];
    }
    y[n * STRIDE_Y + i] = value;
  }
}

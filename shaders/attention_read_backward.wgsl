// attention_read_backward: the gradients of what DRAW's encoder reads; see attention_read_forward
// uses: attention, row_sum, step
//
//   dF_Y    = γ Σ_k dr_k middle[k]ᵀ      dmiddle[k] = γ F_Yᵀ dr_k, written over middle      dln γ = Σ dmiddle · middle
//   dF_X    = Σ_k dmiddle[k]ᵀ v_k        dcanvas   += −sigmoid'(canvas) · (dmiddle[1] F_X)
//   doutput = lib/attention of both      dh         = dy by h_dec + Aᵀ doutput          0 for n ≥ batch
//
//   x, canvas, dcanvas (B, P4(C·H·W))   dy (B, P4(2·C·S·S + D + E + 2))   dh (B, P4(D))   doutput (B, 8)
//   w, saved: as forward
//   one workgroup a row; grid (LANES, B, 1)

override B: u32;
override C: u32;            // channels
override H: u32;
override W: u32;
override S: u32;            // filters each way, 2 or more
override D: u32;            // units of the decoder
override E: u32;            // units of the encoder

override MIDDLE: u32 = S * (W + H);
override DFILTERS: u32 = MIDDLE + 2 * C * H * S;
override OUTPUTS: u32 = DFILTERS + S * (W + H);
override ROW: u32 = (OUTPUTS + 8) / 4 * 4;
override STRIDE: u32 = (C * H * W + 3) / 4 * 4;
override D4: u32 = (D + 3) / 4;
override GLIMPSE: u32 = 2 * C * S * S;
override STRIDE_Y: u32 = (GLIMPSE + D + E + 5) / 4 * 4;

@group(0) @binding(0) var<storage, read>       dy: array<f32>;
@group(0) @binding(1) var<storage, read>       x: array<f32>;
@group(0) @binding(2) var<storage, read>       canvas: array<f32>;
@group(0) @binding(3) var<storage, read>       w: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> saved: array<f32>;
@group(0) @binding(5) var<storage, read_write> dcanvas: array<f32>;
@group(0) @binding(6) var<storage, read_write> dh: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> doutput: array<f32>;
@group(0) @binding(8) var<uniform>             step: Step;

@compute @workgroup_size(LANES)
fn attention_read_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = group.y;
  if (n >= step.batch) {
    for (var i = lane; i < 8; i += LANES) { doutput[n * 8 + i] = 0; }
    for (var i = lane; i < D4; i += LANES) { dh[n * D4 + i] = vec4f(0); }
    return;
  }
  let row = n * ROW;
  let intensity = attention_intensity(row);
  for (var i = lane; i < S * H; i += LANES) {
    var sum = 0.0;
    for (var k = 0u; k < 2 * C; k++) {
      let dr = n * STRIDE_Y + (k * S + i / H) * S;
      let line = row + MIDDLE + (k * H + i % H) * S;
      for (var j = 0u; j < S; j++) { sum += dy[dr + j] * saved[line + j]; }
    }
    saved[row + DFILTERS + S * W + i] = intensity * sum;
  }
  storageBarrier();
  var dintensity = 0.0;
  for (var i = lane; i < 2 * C * H * S; i += LANES) {
    let dr = n * STRIDE_Y + i / (H * S) * S * S + i % S;
    let filter_y = row + S * W + i / S % H;
    var sum = 0.0;
    for (var j = 0u; j < S; j++) { sum += saved[filter_y + j * H] * dy[dr + j * S]; }
    sum *= intensity;
    dintensity += sum * saved[row + MIDDLE + i];
    saved[row + MIDDLE + i] = sum;
  }
  storageBarrier();
  for (var i = lane; i < S * W; i += LANES) {
    let a = i % W;
    var sum = 0.0;
    for (var line = 0u; line < C * H; line++) {
      let at = n * STRIDE + line * W + a;
      let middle = row + MIDDLE + line * S + i / W;
      let error = x[at] - 1 / (1 + exp(-clamp(canvas[at], -80, 80)));
      sum += saved[middle] * x[at] + saved[middle + C * H * S] * error;
    }
    saved[row + DFILTERS + i] = sum;
  }
  for (var i = lane; i < C * H * W; i += LANES) {
    let middle = row + MIDDLE + (C * H + i / W) * S;
    var sum = 0.0;
    for (var j = 0u; j < S; j++) { sum += saved[middle + j] * saved[row + j * W + i % W]; }
    let small = exp(-min(abs(canvas[n * STRIDE + i]), 80));
    dcanvas[n * STRIDE + i] -= small / ((1 + small) * (1 + small)) * sum;
  }
  storageBarrier();
  let gradient = attention_backward(row, lane, dintensity);
  for (var i = lane; i < 8; i += LANES) {
    doutput[n * 8 + i] = select(select(0, gradient.intensity, i == 4), gradient.place[i % 4], i < 4);
  }
  for (var i = lane; i < D4; i += LANES) {
    var sum = gradient.intensity * w[4 * D4 + i];
    for (var o = 0u; o < 4; o++) { sum += gradient.place[o] * w[o * D4 + i]; }
    for (var j = 0u; j < min(4, D - 4 * i); j++) { sum[j] += dy[n * STRIDE_Y + GLIMPSE + 4 * i + j]; }
    dh[n * D4 + i] = sum;
  }
}

// attention_write_backward: the gradients of DRAW's strokes; see attention_write_forward
// uses: attention, row_sum, step
//
//   with g = dcanvas
//   dF_Y    = γ⁻¹ middle gᵀ           dmiddle = γ⁻¹ F_Y g, written over middle        dln γ = −Σ dmiddle · middle
//   dpatch  = dmiddle F_Xᵀ            dF_X    = patchᵀ dmiddle
//   doutput = lib/attention of both   dh      = Pᵀ dpatch + Aᵀ doutput, with ADD added to what is there
//   all but middle and the filters' gradients 0 for n ≥ batch
//
//   dcanvas (B, P4(C·H·W))   dh (B, P4(D))   dpatch (B, P4(C·S·S))   doutput (B, 8)   w, saved: as forward
//   one workgroup a row; grid (LANES, B, 1)

override B: u32;
override C: u32;            // channels
override H: u32;
override W: u32;
override S: u32;            // filters each way, 2 or more
override D: u32;            // units of the decoder
override A: u32;
override ADD: bool;         // dh holds the gradients from other readers of h_dec

override MIDDLE: u32 = S * (W + H);
override DFILTERS: u32 = MIDDLE + C * S * W;
override OUTPUTS: u32 = DFILTERS + S * (W + H);
override PATCH: u32 = OUTPUTS + 8;
override ROW: u32 = (PATCH + C * S * S + 3) / 4 * 4;
override STRIDE: u32 = (C * H * W + 3) / 4 * 4;
override STRIDE_P: u32 = (C * S * S + 3) / 4 * 4;
override D4: u32 = (D + 3) / 4;

@group(0) @binding(0) var<storage, read>       dcanvas: array<f32>;
@group(0) @binding(1) var<storage, read>       w: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> saved: array<f32>;
@group(0) @binding(3) var<storage, read_write> dh: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dpatch: array<f32>;
@group(0) @binding(5) var<storage, read_write> doutput: array<f32>;
@group(0) @binding(6) var<uniform>             step: Step;

@compute @workgroup_size(LANES)
fn attention_write_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = group.y;
  if (n >= step.batch) {
    for (var i = lane; i < STRIDE_P; i += LANES) { dpatch[n * STRIDE_P + i] = 0; }
    for (var i = lane; i < 8; i += LANES) { doutput[n * 8 + i] = 0; }
    for (var i = lane; i < D4; i += LANES) { dh[n * D4 + i] = vec4f(0); }
    return;
  }
  let row = n * ROW;
  let inverse = 1 / attention_intensity(row);
  for (var i = lane; i < S * H; i += LANES) {
    var sum = 0.0;
    for (var c = 0u; c < C; c++) {
      let middle = row + MIDDLE + (c * S + i / H) * W;
      let g = n * STRIDE + (c * H + i % H) * W;
      for (var a = 0u; a < W; a++) { sum += saved[middle + a] * dcanvas[g + a]; }
    }
    saved[row + DFILTERS + S * W + i] = inverse * sum;
  }
  storageBarrier();
  var dintensity = 0.0;
  for (var i = lane; i < C * S * W; i += LANES) {
    let filter_y = row + S * W + i / W % S * H;
    let g = n * STRIDE + i / (S * W) * H * W + i % W;
    var sum = 0.0;
    for (var b = 0u; b < H; b++) { sum += saved[filter_y + b] * dcanvas[g + b * W]; }
    sum *= inverse;
    dintensity -= sum * saved[row + MIDDLE + i];
    saved[row + MIDDLE + i] = sum;
  }
  storageBarrier();
  for (var i = lane; i < STRIDE_P; i += LANES) {
    let middle = row + MIDDLE + i / S * W;
    var sum = 0.0;
    if (i < C * S * S) {
      for (var a = 0u; a < W; a++) { sum += saved[middle + a] * saved[row + i % S * W + a]; }
    }
    dpatch[n * STRIDE_P + i] = sum;
  }
  for (var i = lane; i < S * W; i += LANES) {
    var sum = 0.0;
    for (var line = 0u; line < C * S; line++) {
      sum += saved[row + MIDDLE + line * W + i % W] * saved[row + PATCH + line * S + i / W];
    }
    saved[row + DFILTERS + i] = sum;
  }
  storageBarrier();
  let gradient = attention_backward(row, lane, dintensity);
  for (var i = lane; i < 8; i += LANES) {
    doutput[n * 8 + i] = select(select(0, gradient.intensity, i == 4), gradient.place[i % 4], i < 4);
  }
  for (var i = lane; i < D4; i += LANES) {
    var sum = gradient.intensity * w[A + 4 * D4 + i];
    for (var o = 0u; o < 4; o++) { sum += gradient.place[o] * w[A + o * D4 + i]; }
    for (var o = 0u; o < C * S * S; o++) { sum += dpatch[n * STRIDE_P + o] * w[o * D4 + i]; }
    if (ADD) { sum += dh[n * D4 + i]; }
    dh[n * D4 + i] = sum;
  }
}

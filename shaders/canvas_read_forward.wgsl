// canvas_read_forward: what DRAW's encoder reads without attention, behind the strokes of the step before
//
//   canvas = before + strokes                                       Gregor et al. 2015, equation 8
//   y      = [x, x − sigmoid(canvas), h_dec, h_enc, 1, 1]           equations 3 and 5; the ones carry the biases
//
//   x, before, strokes, canvas (B, P4(N))   h_dec (B, P4(D))   h_enc (B, P4(E))   y (B, P4(2N + D + E + 2))
//   one invocation per value of y, padding included; grid (P4(2N + D + E + 2), B, 1)

override WG_X: u32 = 64;
override B: u32;
override N: u32;            // pixels × channels of an image
override D: u32;            // units of the decoder
override E: u32;            // units of the encoder

override STRIDE: u32 = (N + 3) / 4 * 4;
override STRIDE_D: u32 = (D + 3) / 4 * 4;
override STRIDE_E: u32 = (E + 3) / 4 * 4;
override WIDTH: u32 = 2 * N + D + E + 2;
override STRIDE_Y: u32 = (WIDTH + 3) / 4 * 4;

@group(0) @binding(0) var<storage, read>       x: array<f32>;
@group(0) @binding(1) var<storage, read>       before: array<f32>;
@group(0) @binding(2) var<storage, read>       strokes: array<f32>;
@group(0) @binding(3) var<storage, read>       h_dec: array<f32>;
@group(0) @binding(4) var<storage, read>       h_enc: array<f32>;
@group(0) @binding(5) var<storage, read_write> canvas: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG_X)
fn canvas_read_forward(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  let n = id.y;
  if (i >= STRIDE_Y || n >= B) { return; }
  var value = 0.0;
  if (i < N) {
    value = x[n * STRIDE + i];
  } else if (i < 2 * N) {
    let at = n * STRIDE + i - N;
    let sum = before[at] + strokes[at];
    canvas[at] = sum;
    value = x[at] - 1 / (1 + exp(-clamp(sum, -80, 80)));
  } else if (i < 2 * N + D) {
    value = h_dec[n * STRIDE_D + i - 2 * N];
  } else if (i < 2 * N + D + E) {
    value = h_enc[n * STRIDE_E + i - 2 * N - D];
  } else if (i < WIDTH) {
    value = 1;
  }
  y[n * STRIDE_Y + i] = value;
}

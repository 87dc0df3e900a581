// canvas_read_backward: the gradients by canvas and decoder's state of what the encoder reads; see canvas_read_forward
//
//   dcanvas += −sigmoid'(canvas) · dy by the error image      dh = dy by h_dec
//
//   canvas, dcanvas (B, P4(N))   dh (B, P4(D))   dy (B, P4(2N + D + E + 2))
//   one invocation per value of canvas, then of h_dec; grid (N + P4(D), B, 1)

override WG_X: u32 = 64;
override B: u32;
override N: u32;            // pixels × channels of an image
override D: u32;            // units of the decoder
override E: u32;            // units of the encoder

override STRIDE: u32 = (N + 3) / 4 * 4;
override STRIDE_D: u32 = (D + 3) / 4 * 4;
override STRIDE_Y: u32 = (2 * N + D + E + 5) / 4 * 4;

@group(0) @binding(0) var<storage, read>       dy: array<f32>;
@group(0) @binding(1) var<storage, read>       canvas: array<f32>;
@group(0) @binding(2) var<storage, read_write> dcanvas: array<f32>;
@group(0) @binding(3) var<storage, read_write> dh: array<f32>;

@compute @workgroup_size(WG_X)
fn canvas_read_backward(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  let n = id.y;
  if (i >= N + STRIDE_D || n >= B) { return; }
  if (i < N) {
    let small = exp(-min(abs(canvas[n * STRIDE + i]), 80));
    dcanvas[n * STRIDE + i] -= small / ((1 + small) * (1 + small)) * dy[n * STRIDE_Y + N + i];
  } else {
    let u = i - N;
    dh[n * STRIDE_D + u] = select(0, dy[n * STRIDE_Y + 2 * N + u], u < D);
  }
}

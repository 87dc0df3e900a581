// condition_backward: the gradient of condition_forward's x; the label's share has nowhere to go
//
//   dx[n,p,c] = dy[n,p,c]                  c < C
//
//   dx (B, P4(P·C))   dy (B, P4(P·(C+K)))
//   one invocation per value of dx, padding included; grid (P4(P·C), B, 1)

override WG_X: u32 = 64;
override B: u32;
override P: u32;            // pixels; 1 for a vector
override C: u32;            // channels of x
override K: u32;            // classes

override WIDTH: u32 = P * C;
override STRIDE_X: u32 = (WIDTH + 3) / 4 * 4;
override STRIDE_Y: u32 = (P * (C + K) + 3) / 4 * 4;

@group(0) @binding(0) var<storage, read>       dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WG_X)
fn condition_backward(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  let n = id.y;
  if (i >= STRIDE_X || n >= B) { return; }
  var value = 0.0;
  if (i < WIDTH) { value = dy[n * STRIDE_Y + i / C * (C + K) + i % C]; }
  dx[n * STRIDE_X + i] = value;
}

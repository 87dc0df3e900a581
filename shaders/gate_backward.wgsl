// gate_backward: the gradient of a gated activation by its input
// uses: gate
//
//   y = t · s, t = tanh(a), s = sigmoid(b):      dx[a] = dy · s (1 − t²)      dx[b] = dy · t s (1 − s)
//
//   x (B, P4(P·2C))   w (K, P4(2C))   labels (B)   dy (B, P4(P·C))   dx (B, P4(P·2C)), its padding 0
//   one invocation per value of y, or two of dx; grid (P4(P·2C)/2, B, 1)

override WG_X: u32 = 64;
override B: u32;
override P: u32;            // positions of an image
override C: u32;            // channels of y
override LABELED: bool;

override STRIDE: u32 = (P * C + 3) / 4 * 4;

@group(0) @binding(0) var<storage, read>       x: array<f32>;
@group(0) @binding(1) var<storage, read>       w: array<f32>;
@group(0) @binding(2) var<storage, read>       labels: array<u32>;
@group(0) @binding(3) var<storage, read>       dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WG_X)
fn gate_backward(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  let n = id.y;
  if (2 * i >= GATE_X || n >= B) { return; }
  let row = n * GATE_X;
  if (i >= P * C) {
    dx[row + 2 * i] = 0;
    dx[row + 2 * i + 1] = 0;
    return;
  }
  let halves = gate_halves(n, i);
  let outer = dy[n * STRIDE + i];
  let first = row + (i - i % C) * 2 + i % C;
  dx[first] = outer * halves.y * (1 - halves.x * halves.x);
  dx[first + C] = outer * halves.x * halves.y * (1 - halves.y);
}

// permute_forward: a vector of flattened-image values from one inner order to another
//
//   y[n,i] = x[n,j], both places holding PyTorch's value number t = (i mod C_Y) · N/C_Y + ⌊i / C_Y⌋
//
//   x, y (B, P4(N)): a vector "in the order of C channels" has C values side by side for every pixel; C = 1 is PyTorch's order
//   its gradient is the same permutation with C_X and C_Y exchanged
//   one invocation per value of y; grid (P4(N), B, 1)

override WG_X: u32 = 64;
override B: u32;
override N: u32;            // values of a row
override C_X: u32;          // channels side by side in x
override C_Y: u32;          // channels side by side in y

override STRIDE: u32 = (N + 3) / 4 * 4;

@group(0) @binding(0) var<storage, read>       x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG_X)
fn permute_forward(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  let n = id.y;
  if (i >= STRIDE || n >= B) { return; }
  if (i >= N) {
    y[n * STRIDE + i] = 0;
    return;
  }
  let number = i % C_Y * (N / C_Y) + i / C_Y;
  let pixels = N / C_X;
  y[n * STRIDE + i] = x[n * STRIDE + number % pixels * C_X + number / pixels];
}

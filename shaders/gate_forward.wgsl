// gate_forward: a gated activation, of a class where there is one
// uses: gate
//
//   y[n,p,c] = tanh(x[n,p,c] + w[k,c]) · sigmoid(x[n,p,C+c] + w[k,C+c])
//   k = labels[n]; without LABELED w counts as 0              van den Oord et al. 2016, equations 2 and 4
//
//   x (B, P4(P·2C))   w (K, P4(2C))   labels (B)   y (B, P4(P·C)), its padding 0
//   one invocation per value of y; grid (P4(P·C), B, 1)

override WG_X: u32 = 64;
override B: u32;
override P: u32;            // positions of an image
override C: u32;            // channels of y
override LABELED: bool;

override STRIDE: u32 = (P * C + 3) / 4 * 4;

@group(0) @binding(0) var<storage, read>       x: array<f32>;
@group(0) @binding(1) var<storage, read>       w: array<f32>;
@group(0) @binding(2) var<storage, read>       labels: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG_X)
fn gate_forward(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  let n = id.y;
  if (i >= STRIDE || n >= B) { return; }
  var value = 0.0;
  if (i < P * C) {
    let halves = gate_halves(n, i);
    value = halves.x * halves.y;
  }
  y[n * STRIDE + i] = value;
}

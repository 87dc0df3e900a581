// gate_backward_weight: the gradient of what a class adds to a gated activation
// uses: step
//
//   dw[k,j] = Σ dx[n,p,j] over the images of class k and all their positions, in order
//
//   dx (B, P4(P·J))   labels (B)   dw (P4(K), P4(J)), J = 2C; its padding 0
//   one invocation per value of dw; grid (P4(J), P4(K), 1)

override WG_X: u32 = 64;
override P: u32;            // positions of an image
override J: u32;            // channels of dx
override K: u32;            // classes

override STRIDE_X: u32 = (P * J + 3) / 4 * 4;
override STRIDE_W: u32 = (J + 3) / 4 * 4;

@group(0) @binding(0) var<storage, read>       dx: array<f32>;
@group(0) @binding(1) var<storage, read>       labels: array<u32>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;
@group(0) @binding(3) var<uniform>             step: Step;

@compute @workgroup_size(WG_X)
fn gate_backward_weight(@builtin(global_invocation_id) id: vec3u) {
  let j = id.x;
  let k = id.y;
  if (j >= STRIDE_W || k >= (K + 3) / 4 * 4) { return; }
  var sum = 0.0;
  if (j < J) {
    for (var n = 0u; n < step.batch; n++) {
      if (labels[n] != k) { continue; }
      for (var p = 0u; p < P; p++) { sum += dx[n * STRIDE_X + p * J + j]; }
    }
  }
  dw[k * STRIDE_W + j] = sum;
}

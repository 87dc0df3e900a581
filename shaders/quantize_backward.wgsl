// quantize_backward: the gradient straight through the choice of codes, and that of the commitment
// uses: lane_mask, step
//
//   dz = dy + 2 · COMMITMENT / batch · (z − y)          0 for n ≥ batch
//
//   z, y, dy, dz (B, P4(P·D)); y are the chosen codes
//   one invocation per vec4; grid (P4(P·D)/4, B, 1)

override WG_X: u32 = 64;
override B: u32;
override N: u32;            // values of a row: positions × values of a code
override COMMITMENT: f32;

override N4: u32 = (N + 3) / 4;

@group(0) @binding(0) var<storage, read>       dy: array<vec4f>;
@group(0) @binding(1) var<storage, read>       z: array<vec4f>;
@group(0) @binding(2) var<storage, read>       y: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dz: array<vec4f>;
@group(0) @binding(4) var<uniform>             step: Step;

@compute @workgroup_size(WG_X)
fn quantize_backward(@builtin(global_invocation_id) id: vec3u) {
  let q = id.x;
  let n = id.y;
  if (q >= N4 || n >= B) { return; }
  let at = n * N4 + q;
  if (n >= step.batch) {
    dz[at] = vec4f(0);
    return;
  }
  dz[at] = dy[at] + 2 * COMMITMENT * step.scale * lane_mask(q, N) * (z[at] - y[at]);
}

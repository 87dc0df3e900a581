// code_forward: codes that came as images do, as the words that index tables
//
//   codes[n,p] = x[n,p] as a whole number; in the padding of a row NO_CODE
//
//   x, codes (B, P4(P))
//   one invocation per value; grid (P4(P), B, 1)

override WG_X: u32 = 64;
override B: u32;
override P: u32;            // positions of an image

override STRIDE: u32 = (P + 3) / 4 * 4;

const NO_CODE = 0xffffffffu;

@group(0) @binding(0) var<storage, read>       x: array<f32>;
@group(0) @binding(1) var<storage, read_write> codes: array<u32>;

@compute @workgroup_size(WG_X)
fn code_forward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= STRIDE || id.y >= B) { return; }
  let at = id.y * STRIDE + id.x;
  codes[at] = select(NO_CODE, u32(x[at] + 0.5), id.x < P);
}

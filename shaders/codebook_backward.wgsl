// codebook_backward: the gradient of the codes, written (=)
// uses: chosen_sum, step
//
//   dcodebook[k] = 2 / batch · Σ_{n,p: codes[n,p] = k} (e_k − z[n,p])          in the order of the positions; n < batch
//
//   z (B, P4(P·D))   codes (B, P4(P))   codebook, dcodebook (P4(K), P4(D))
//   one invocation owns a vec4 of one code and looks through the positions of the batch; grid (P4(D)/4, P4(K), 1)

override WG_X: u32 = 4;
override WG_Y: u32 = 16;
override P: u32;            // positions of an image
override D: u32;            // values of a code
override K: u32;            // codes

override D4: u32 = (D + 3) / 4;
override K4: u32 = (K + 3) / 4;

@group(0) @binding(0) var<storage, read>       z: array<f32>;
@group(0) @binding(1) var<storage, read>       codes: array<vec4u>;
@group(0) @binding(2) var<storage, read>       codebook: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dcodebook: array<vec4f>;
@group(0) @binding(4) var<uniform>             step: Step;

@compute @workgroup_size(WG_X, WG_Y)
fn codebook_backward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= D4 || id.y >= 4 * K4) { return; }
  let at = id.y * D4 + id.x;
  dcodebook[at] = vec4f() - 2 * step.scale * chosen_sum(id.y, id.x, codebook[at]).sum;
}

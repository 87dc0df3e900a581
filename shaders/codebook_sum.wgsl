// codebook_sum: what a batch adds to the moving averages of the codes
// uses: chosen_sum, step
//
//   counts[k] = positions that chose k      sums[k] = Σ of their vectors, in order
//   written (=) for a batch's first slice, added (+=) for the others
//
//   z (B, P4(P·D))   codes (B, P4(P))   counts (P4(K))   sums (P4(K), P4(D))
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
@group(0) @binding(2) var<storage, read_write> counts: array<f32>;
@group(0) @binding(3) var<storage, read_write> sums: array<vec4f>;
@group(0) @binding(4) var<uniform>             step: Step;

@compute @workgroup_size(WG_X, WG_Y)
fn codebook_sum(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= D4 || id.y >= 4 * K4) { return; }
  let at = id.y * D4 + id.x;
  let chosen = chosen_sum(id.y, id.x, vec4f());
  sums[at] = select(sums[at], vec4f(0), step.row == 0) + chosen.sum;
  if (id.x == 0) { counts[id.y] = select(counts[id.y], 0, step.row == 0) + f32(chosen.count); }
}

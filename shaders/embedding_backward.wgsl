// embedding_backward: the gradient of a table whose rows stand for codes, y[n,p] = table[codes[n,p]]
// uses: chosen_sum, step
//
//   dtable[k] = Σ dy[n,p] over the positions of the batch whose code is k, in order
//
//   dy (B, P4(P·D))   codes (B, P4(P)), padded with what is no code   dtable (P4(K), P4(D))
//   one invocation owns a vec4 of one row and looks through the positions of the batch; grid (P4(D)/4, P4(K), 1)

override WG_X: u32 = 4;
override WG_Y: u32 = 16;
override P: u32;            // positions of an image
override D: u32;            // values of a row of the table
override K: u32;            // codes

override D4: u32 = (D + 3) / 4;
override K4: u32 = (K + 3) / 4;

@group(0) @binding(0) var<storage, read>       z: array<f32>;        // dy
@group(0) @binding(1) var<storage, read>       codes: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> dtable: array<vec4f>;
@group(0) @binding(3) var<uniform>             step: Step;

@compute @workgroup_size(WG_X, WG_Y)
fn embedding_backward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= D4 || id.y >= 4 * K4) { return; }
  dtable[id.y * D4 + id.x] = chosen_sum(id.y, id.x, vec4f()).sum;
}

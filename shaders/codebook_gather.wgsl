// codebook_gather: the image of the chosen codes
// uses: code_value
//
//   y[n,p] = e[codes[n,p]]
//
//   codes (B, P4(P))   codebook (P4(K), P4(D))   y (B, P4(P·D))
//   one invocation per vec4 of y; grid (P4(P·D)/4, B, 1)

override WG_X: u32 = 64;
override B: u32;
override P: u32;            // positions of an image
override D: u32;            // values of a code

override N4: u32 = (P * D + 3) / 4;

@group(0) @binding(0) var<storage, read>       codes: array<u32>;
@group(0) @binding(1) var<storage, read>       codebook: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(WG_X)
fn codebook_gather(@builtin(global_invocation_id) id: vec3u) {
  let q = id.x;
  let n = id.y;
  if (q >= N4 || n >= B) { return; }
  let row = n * ((P + 3) / 4 * 4);
  let i = 4 * q;
  y[n * N4 + q] = vec4f(code_value(row, i), code_value(row, i + 1), code_value(row, i + 2), code_value(row, i + 3));
}

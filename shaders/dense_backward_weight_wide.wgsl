// dense_backward_weight_wide: dense_backward_weight in tiles of 16 × 16, which load fewer values for a multiply-add
//
//   dw[o,i] = Σ_n dy[n,o] · x[n,i]      db[o] = Σ_n dy[n,o]
//
//   dy (B, O)   x (B, I)   dw (O, I)   db (O)     row-major f32, rows padded with zeros to whole vec4f
//   one invocation per tile of 16 rows × 16 columns of dw (lib/dense_weight_wide)
//   grid (⌈O/16⌉ · ⌈I/16⌉, 1, 1), columns first

override WG_X: u32 = 16;
override B: u32;            // rows, a multiple of 8; dy is 0 in those past the batch
override I: u32;            // input features
override O: u32;            // output features

@group(0) @binding(0) var<storage, read>       dy: array<vec4f>;  // (B, O) with respect to the pre-activation
@group(0) @binding(1) var<storage, read>       x: array<vec4f>;   // (B, I)
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;  // (O, I)
@group(0) @binding(3) var<storage, read_write> db: array<vec4f>;  // (O)

@compute @workgroup_size(WG_X)
fn dense_backward_weight_wide(@builtin(global_invocation_id) id: vec3u) {
  dense_weight_wide(id.x);
}

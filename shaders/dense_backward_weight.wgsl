// dense_backward_weight: dw = dyᵀ x, db = Σ dy; writes both (=). For a layer whose input needs no gradient.
//
//   dw[o,i] = Σ_n dy[n,o] · x[n,i]      db[o] = Σ_n dy[n,o]
//
//   dy (B, O)   x (B, I)   dw (O, I)   db (O)     row-major f32, rows padded with zeros to whole vec4f
//   one invocation per tile of 8 rows × 16 columns of dw (lib/dense_weight_tile)
//   grid (⌈O/8⌉ · ⌈I/16⌉, 1, 1), columns first

override WG_X: u32 = 16;
override B: u32;            // rows, a multiple of 4; dy is 0 in those past the batch
override I: u32;            // input features
override O: u32;            // output features

@group(0) @binding(0) var<storage, read>       dy: array<vec4f>;  // (B, O) with respect to the pre-activation
@group(0) @binding(1) var<storage, read>       x: array<vec4f>;   // (B, I)
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;  // (O, I)
@group(0) @binding(3) var<storage, read_write> db: array<vec4f>;  // (O)

@compute @workgroup_size(WG_X)
fn dense_backward_weight(@builtin(global_invocation_id) id: vec3u) {
  dense_weight_tile(id.x);
}

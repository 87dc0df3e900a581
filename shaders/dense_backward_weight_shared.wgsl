// dense_backward_weight_shared: dense_backward_weight with panels in workgroup memory, for GPUs
//
//   dw[o,i] = Σ_n dy[n,o] · x[n,i]      db[o] = Σ_n dy[n,o]
//
//   dy (B, O)   x (B, I)   dw (O, I)   db (O)     row-major f32, rows padded with zeros to whole vec4f
//   one workgroup of 64 per tile of 32 rows × 32 columns of dw (lib/dense_weight_shared), 4 × 4 an invocation
//   grid (64 · ⌈O/32⌉ · ⌈I/32⌉, 1, 1), columns first

override B: u32;            // rows, a multiple of 8; dy is 0 in those past the batch
override I: u32;            // input features
override O: u32;            // output features

@group(0) @binding(0) var<storage, read>       dy: array<vec4f>;  // (B, O) with respect to the pre-activation
@group(0) @binding(1) var<storage, read>       x: array<vec4f>;   // (B, I)
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;  // (O, I)
@group(0) @binding(3) var<storage, read_write> db: array<vec4f>;  // (O)

@compute @workgroup_size(64)
fn dense_backward_weight_shared(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  dense_weight_shared(group.x, lane);
}

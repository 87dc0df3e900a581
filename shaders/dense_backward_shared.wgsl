// dense_backward_shared: dense_backward with panels in workgroup memory, for GPUs
// uses: dense_input_shared, dense_weight_shared
//
//   dx[n,i] = act'(x[n,i]) · Σ_o dy[n,o] · w[o,i]      act' from the value x of the activation that made x
//   dw[o,i] = Σ_n dy[n,o] · x[n,i]                     db[o] = Σ_n dy[n,o]
//
//   all three written (=), unless dx = act'(x) · (dx + Σ) with ADD, dw and db += with ACCUMULATE (lib/dense_store)
//
//   dy (B, O)   w (O, I)   x (B, I)   dx (B, I)   dw (O, I)   db (O)
//   row-major f32, rows padded with zeros to whole vec4f
//   one workgroup of 64 per tile of 32 × 32, 4 × 4 an invocation: the first own dx (lib/dense_input_shared), the others
//   dw (lib/dense_weight_shared); grid (64 · (⌈B/32⌉ + ⌈O/32⌉) · ⌈I/32⌉, 1, 1)

override ACTIVATION_X: u32; // of the layer that made x
override ADD: bool;         // dx holds the gradients from other readers of x, without act'(x), and they are added
override ACCUMULATE: bool;  // dw and db hold the gradients from other uses of the layer, and are added to

struct Params {
  B: u32,                   // rows, a multiple of 8; dy is 0 in those past the batch
  I: u32,                   // input features
  O: u32,                   // output features
  INPUTS: u32,              // 0 where dx is not asked for, 1 where it is
  SLOPE_X: f32,             // of the activation that made x, if ACTIVATION_X is PIECEWISE_LINEAR
}

@group(0) @binding(0) var<storage, read>       dy: array<vec4f>;  // (B, O) with respect to the pre-activation
@group(0) @binding(1) var<storage, read>       w: array<vec4f>;   // (O, I)
@group(0) @binding(2) var<storage, read>       x: array<vec4f>;   // (B, I)
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>;  // (B, I) with respect to the pre-activation
@group(0) @binding(4) var<storage, read_write> dw: array<vec4f>;  // (O, I)
@group(0) @binding(5) var<storage, read_write> db: array<vec4f>;  // (O)
@group(0) @binding(6) var<uniform>             params: Params;

@compute @workgroup_size(64)
fn dense_backward_shared(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let inputTiles = dense_input_shared_tiles();
  if (group.x < inputTiles) {
    dense_input_shared(group.x, lane);
  } else {
    dense_weight_shared(group.x - inputTiles, lane);
  }
}

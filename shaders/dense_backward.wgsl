// dense_backward: dx = act'(x) · (dy w), dw = dyᵀ x, db = Σ dy in one dispatch
// uses: dense_input_tile, dense_weight_tile
//
//   dx[n,i] = act'(x[n,i]) · Σ_o dy[n,o] · w[o,i]      act' from the value x of the activation that made x
//   dw[o,i] = Σ_n dy[n,o] · x[n,i]                     db[o] = Σ_n dy[n,o]
//
//   all three written (=), unless dx = act'(x) · (dx + Σ) with ADD, dw and db += with ACCUMULATE (lib/dense_store)
//
//   dy (B, O)   w (O, I)   x (B, I)   dx (B, I)   dw (O, I)   db (O)
//   row-major f32, rows padded with zeros to whole vec4f
//   one invocation per tile of 8 × 16: the first ⌈tiles of dx / WG_X⌉ workgroups own dx (lib/dense_input_tile),
//   the others dw (lib/dense_weight_tile); grid (tiles of dx rounded up to WG_X + tiles of dw, 1, 1)

override WG_X: u32 = 16;
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

@compute @workgroup_size(WG_X)
fn dense_backward(@builtin(workgroup_id) group: vec3u, @builtin(global_invocation_id) id: vec3u) {
  let inputGroups = (dense_input_tiles() + WG_X - 1) / WG_X;
  if (group.x < inputGroups) {
    dense_input_tile(id.x);
  } else {
    dense_weight_tile(id.x - inputGroups * WG_X);
  }
}

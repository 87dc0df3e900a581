// dense_backward_weight_naive: dense_backward_weight as a first version is written; the benchmark's yardstick,
// never shipped. Writes (=).
//
//   dw[o,i] = Σ_n dy[n,o] · x[n,i]      db[o] = Σ_n dy[n,o]
//
//   dy (B, O)   x (B, I)   dw (O, I)   db (O)     row-major f32, rows padded with zeros to a multiple of 4
//   one invocation per dw[o,i]; grid (⌈I/4⌉ · 4, ⌈O/4⌉ · 4, 1)

override WG_X: u32 = 16;
override WG_Y: u32 = 16;
override B: u32;            // rows; dy is 0 in those past the batch
override I: u32;            // input features
override O: u32;            // output features

@group(0) @binding(0) var<storage, read>       dy: array<f32>;    // (B, O) with respect to the pre-activation
@group(0) @binding(1) var<storage, read>       x: array<f32>;     // (B, I)
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;    // (O, I)
@group(0) @binding(3) var<storage, read_write> db: array<f32>;    // (O)

@compute @workgroup_size(WG_X, WG_Y)
fn dense_backward_weight_naive(@builtin(global_invocation_id) id: vec3u) {
  let strideI = (I + 3) / 4 * 4;
  let strideO = (O + 3) / 4 * 4;
  let i = id.x;
  let o = id.y;
  if (i >= strideI || o >= strideO) { return; }
  var sum = 0.0;
  for (var n = 0u; n < B; n++) {
    sum += dy[n * strideO + o] * x[n * strideI + i];
  }
  dw[o * strideI + i] = sum;
  if (i == 0) {
    var bias = 0.0;
    for (var n = 0u; n < B; n++) {
      bias += dy[n * strideO + o];
    }
    db[o] = bias;
  }
}

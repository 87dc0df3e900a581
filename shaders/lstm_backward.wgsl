// lstm_backward: the gradients of an LSTM's cell by its gates and by the state before; see lstm_forward
// uses: step
//
//   dh = dh + dx[OFFSET …]     what reads h in this step, and what reads it in the next one; the latter not in the LAST
//   do = dh · tanh(c)          dc = dh · o · (1 − tanh²(c)) + the dc that the step after has left, none in the LAST
//   di = dc · g    df = dc · c_before    dg = dc · i    dc_before = dc · f, written over dc
//   times the derivative of each gate, by its output, written over the gates; 0 for n ≥ batch
//
//   gates (B, 4U): input, forget, cell, output, after their activations   c_before, c, dc, dh (B, P4(U))
//   dx (B, STRIDE_X): the gradient by a product's input that holds h from value OFFSET on
//   one invocation per unit; grid (U, B, 1)

override WG_X: u32 = 64;
override B: u32;
override U: u32;            // units
override STRIDE_X: u32;
override OFFSET: u32;
override LAST: bool;

override STRIDE: u32 = (U + 3) / 4 * 4;

@group(0) @binding(0) var<storage, read_write> gates: array<f32>;
@group(0) @binding(1) var<storage, read>       c_before: array<f32>;
@group(0) @binding(2) var<storage, read>       c: array<f32>;
@group(0) @binding(3) var<storage, read_write> dc: array<f32>;
@group(0) @binding(4) var<storage, read>       dh: array<f32>;
@group(0) @binding(5) var<storage, read>       dx: array<f32>;      // unless LAST
@group(0) @binding(6) var<uniform>             step: Step;

@compute @workgroup_size(WG_X)
fn lstm_backward(@builtin(global_invocation_id) id: vec3u) {
  let u = id.x;
  let n = id.y;
  if (u >= U || n >= B) { return; }
  let at = n * STRIDE + u;
  let first = n * 4 * U + u;
  if (n >= step.batch) {
    gates[first] = 0;
    gates[first + U] = 0;
    gates[first + 2 * U] = 0;
    gates[first + 3 * U] = 0;
    dc[at] = 0;
    return;
  }
  let i = gates[first];
  let f = gates[first + U];
  let g = gates[first + 2 * U];
  let o = gates[first + 3 * U];
  let t = tanh(clamp(c[at], -15, 15));
  var by_h = dh[at];
  var by_c = 0.0;
  if (!LAST) {
    by_h += dx[n * STRIDE_X + OFFSET + u];
    by_c = dc[at];
  }
  by_c += by_h * o * (1 - t * t);
  gates[first] = by_c * g * i * (1 - i);
  gates[first + U] = by_c * c_before[at] * f * (1 - f);
  gates[first + 2 * U] = by_c * i * (1 - g * g);
  gates[first + 3 * U] = by_h * t * o * (1 - o);
  dc[at] = by_c * f;
}

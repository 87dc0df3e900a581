// lstm_forward: the cell of an LSTM, after the product that makes its gates
//
//   i, f, o = sigmoid(gates), g = tanh(gates)       written over the gates, for lstm_backward
//   c = f · c_before + i · g        h = o · tanh(c)        Hochreiter & Schmidhuber 1997, as PyTorch's LSTMCell
//
//   gates (B, 4U): input, forget, cell, output, each of U units   c_before, c, h (B, P4(U))
//   one invocation per value of h, padding included; grid (P4(U), B, 1)

override WG_X: u32 = 64;
override B: u32;
override U: u32;            // units

override STRIDE: u32 = (U + 3) / 4 * 4;

@group(0) @binding(0) var<storage, read_write> gates: array<f32>;
@group(0) @binding(1) var<storage, read>       c_before: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<storage, read_write> h: array<f32>;

@compute @workgroup_size(WG_X)
fn lstm_forward(@builtin(global_invocation_id) id: vec3u) {
  let u = id.x;
  let n = id.y;
  if (u >= STRIDE || n >= B) { return; }
  let at = n * STRIDE + u;
  if (u >= U) {
    c[at] = 0;
    h[at] = 0;
    return;
  }
  let first = n * 4 * U + u;
  let i = sigmoid(gates[first]);
  let f = sigmoid(gates[first + U]);
  let g = tanh(clamp(gates[first + 2 * U], -15, 15));   // some drivers overflow beyond
  let o = sigmoid(gates[first + 3 * U]);
  let state = f * c_before[at] + i * g;
  gates[first] = i;
  gates[first + U] = f;
  gates[first + 2 * U] = g;
  gates[first + 3 * U] = o;
  c[at] = state;
  h[at] = o * tanh(clamp(state, -15, 15));
}

fn sigmoid(v: f32) -> f32 {
  return 1 / (1 + exp(-clamp(v, -80, 80)));
}

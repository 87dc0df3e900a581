// gate: the two halves of a gated activation, tanh and sigmoid
// expects: P, C, LABELED, x, w, labels
//
//   x (B, P4(P·2C)): at every position C values for tanh, then C for sigmoid
//   w (K, P4(2C)): what a class adds to both, with LABELED

override GATE_X: u32 = (P * 2 * C + 3) / 4 * 4;
override GATE_W: u32 = (2 * C + 3) / 4 * 4;

// value i of row n, where channel j < 2C of it is
fn gate_input(n: u32, i: u32, j: u32) -> f32 {
  let value = x[n * GATE_X + i];
  if (LABELED) { return value + w[labels[n] * GATE_W + j]; }
  return value;
}

// tanh in x, sigmoid in y, for value i < P·C of row n's result
fn gate_halves(n: u32, i: u32) -> vec2f {
  let c = i % C;
  let first = (i - c) * 2 + c;
  let open = gate_input(n, first + C, C + c);
  return vec2f(
    tanh(clamp(gate_input(n, first, c), -15, 15)),   // some drivers overflow in exp(2v) beyond
    1 / (1 + exp(-clamp(open, -80, 80))),
  );
}

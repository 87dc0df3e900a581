// quantized_position: the vector at one position of an image of vectors
// expects: D, z
//
//   z (B, P4(P·D)): a row is P positions of D values, so that a position need not begin at a whole vec4

// values 4q … 4q+3 of the vector that begins at `first`; 0 past its end
fn position_quad(first: u32, q: u32) -> vec4f {
  let at = first + 4 * q;
  if (D % 4 == 0) { return vec4f(z[at], z[at + 1], z[at + 2], z[at + 3]); }
  let last = first + D - 1;
  let v = vec4f(z[at], z[min(at + 1, last)], z[min(at + 2, last)], z[min(at + 3, last)]);
  return select(vec4f(0), v, 4 * q + vec4u(0, 1, 2, 3) < vec4u(D));
}

// in the padding of a row of codes: equal to no code
const NO_CODE = 0xffffffffu;

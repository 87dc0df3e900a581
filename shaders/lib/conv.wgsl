// conv: which kernel taps and which outputs stay inside the image, in one direction (rows or columns).
// Output o reads input o · stride + k − pad through tap k. All ranges are half open: [x, y).

// taps k < taps with 0 ≤ first + k < size
fn taps_inside(first: i32, taps: u32, size: u32) -> vec2u {
  return vec2u(vec2i(max(-first, 0), clamp(i32(size) - first, 0, i32(taps))));
}

// taps k < taps, to be walked in steps of stride, through which input (at = input + pad) reaches an output < outputs:
// k ≡ at (mod stride) and 0 ≤ (at − k) / stride < outputs
fn taps_reaching(at: u32, taps: u32, outputs: u32, stride: u32) -> vec2u {
  let last = (outputs - 1) * stride;
  return vec2u(select(at % stride, at - last, at > last), min(taps, at + 1));
}

// outputs o < outputs that read an input inside the image through tap k: 0 ≤ o · stride + k − pad < size
fn outputs_reading(k: u32, pad: u32, outputs: u32, stride: u32, size: u32) -> vec2u {
  let first = (max(pad, k) - k + stride - 1) / stride;
  let end = (max(size + pad, k) - k + stride - 1) / stride;
  return vec2u(first, min(end, outputs));
}

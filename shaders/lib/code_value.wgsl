// code_value: one value of an image of chosen codes
// expects: P, D, codes, codebook

// value i of the image whose codes begin at `row`; 0 past its end
fn code_value(row: u32, i: u32) -> f32 {
  if (i >= P * D) { return 0; }
  return codebook[codes[row + i / D] * ((D + 3) / 4 * 4) + i % D];
}

// chosen_sum: the vectors of the positions that chose one code
// uses: quantized_position
// expects: P, D, codes, step

struct Chosen {
  sum: vec4f,
  count: u32,
}

// Σ (z − origin) over quad q of the positions of the batch whose code is k, one after another
fn chosen_sum(k: u32, q: u32, origin: vec4f) -> Chosen {
  let P4 = (P + 3) / 4;
  let stride = (P * D + 3) / 4 * 4;
  var chosen = Chosen(vec4f(), 0);
  for (var n = 0u; n < step.batch; n++) {
    for (var p = 0u; p < P4; p++) {
      let same = codes[n * P4 + p] == vec4u(k);
      if (!any(same)) { continue; }
      let first = n * stride + 4 * p * D;
      if (same.x) { chosen.sum += position_quad(first, q) - origin; }
      if (same.y) { chosen.sum += position_quad(first + D, q) - origin; }
      if (same.z) { chosen.sum += position_quad(first + 2 * D, q) - origin; }
      if (same.w) { chosen.sum += position_quad(first + 3 * D, q) - origin; }
      let ones = select(vec4u(0), vec4u(1), same);
      chosen.count += ones.x + ones.y + ones.z + ones.w;
    }
  }
  return chosen;
}

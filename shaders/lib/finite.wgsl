// finite: WGSL has no isNan and a compiler may assume there is none, so the exponent's bits are looked at

fn is_finite(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7f800000u) != 0x7f800000u;
}

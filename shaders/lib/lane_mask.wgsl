// lane_mask: which lanes of a row's vectors hold values, the row being padded to whole vec4f

// 1 for the lanes of vector q that hold one of `count` values, 0 for the padding
fn lane_mask(q: u32, count: u32) -> vec4f {
  return select(vec4f(0), vec4f(1), vec4u(4 * q) + vec4u(0, 1, 2, 3) < vec4u(count));
}

// tile_block: one of a tile's eight blocks of 4 × 4, by its number
//
// A loop over blocks has the code that finishes and stores a block once. Drivers expand every call: with eight of them
// half of the time in which a kernel compiled went there.

fn tile_block(
  nth: u32,
  v0: mat4x4f, v1: mat4x4f, v2: mat4x4f, v3: mat4x4f, v4: mat4x4f, v5: mat4x4f, v6: mat4x4f, v7: mat4x4f,
) -> mat4x4f {
  switch nth {
    case 0: { return v0; }
    case 1: { return v1; }
    case 2: { return v2; }
    case 3: { return v3; }
    case 4: { return v4; }
    case 5: { return v5; }
    case 6: { return v6; }
    default: { return v7; }
  }
}

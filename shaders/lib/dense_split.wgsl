// dense_split: a tile of 16 × 16 by a workgroup of 128, whose groups of 16 invocations take every eighth part of the
// sums; for GPUs, which want many invocations at work on few tiles
//
//   An invocation owns 4 × 4 sums of its slice: rows from 4 · dense_split_row, columns from 4 · dense_split_column.

const DENSE_SLICES: u32 = 8;

var<workgroup> dense_sums: array<vec4f, 512>;   // (4, DENSE_SLICES, 4, 4): row in a block, slice, block

fn dense_split_slice(lane: u32) -> u32 {
  return lane / 16;
}

fn dense_split_row(lane: u32) -> u32 {
  return lane % 16 / 4;
}

fn dense_split_column(lane: u32) -> u32 {
  return lane % 4;
}

// The slices added up in their order. Lanes below 64 get row lane / 4 of the tile, quad of columns lane % 4.
// `v` has a column a row of the tile.
fn dense_split_sum(lane: u32, v: mat4x4f) -> vec4f {
  dense_sums[lane] = v[0];
  dense_sums[128 + lane] = v[1];
  dense_sums[256 + lane] = v[2];
  dense_sums[384 + lane] = v[3];
  workgroupBarrier();
  var sum = vec4f();
  if (lane < 64) {
    var at = lane / 4 % 4 * 128 + lane / 16 * 4 + lane % 4;
    for (var slice = 0u; slice < DENSE_SLICES; slice++) {
      sum += dense_sums[at];
      at += 16;
    }
  }
  return sum;
}

// dense_shared: the product of two panels staged in workgroup memory, for workgroups of 64
//
//   sum[r,c] += Σ_k left[k,r] · right[k,c]      r and c below 32, k below 16
//
//   An invocation owns 4 × 4 sums, a column of its matrix a row of the result: rows from 4 · (lane / 8), columns from
//   4 · (lane % 8). It stages one block of 4 × 4: the first 32 lanes one of left, the others one of right.

const DENSE_SHARED_STRIDE: u32 = 9; // quads of a row; the last is padding, so that rows start on different banks

var<workgroup> dense_left: array<vec4f, 144>;   // (16, 32)
var<workgroup> dense_right: array<vec4f, 144>;  // (16, 32)

// Writes a block whose columns are four consecutive k, from 4 · depth; `quad` is its place along a row.
fn dense_stage(lane: u32, depth: u32, quad: u32, v: mat4x4f) {
  let at = depth * 4 * DENSE_SHARED_STRIDE + quad;
  if (lane < 32) {
    dense_left[at] = v[0];
    dense_left[at + DENSE_SHARED_STRIDE] = v[1];
    dense_left[at + 2 * DENSE_SHARED_STRIDE] = v[2];
    dense_left[at + 3 * DENSE_SHARED_STRIDE] = v[3];
  } else {
    dense_right[at] = v[0];
    dense_right[at + DENSE_SHARED_STRIDE] = v[1];
    dense_right[at + 2 * DENSE_SHARED_STRIDE] = v[2];
    dense_right[at + 3 * DENSE_SHARED_STRIDE] = v[3];
  }
}

// The sums with what is staged added.
fn dense_multiply(lane: u32, sum: mat4x4f) -> mat4x4f {
  var left = lane / 8;
  var right = lane % 8;
  var row0 = sum[0];
  var row1 = sum[1];
  var row2 = sum[2];
  var row3 = sum[3];
  for (var k = 0u; k < 16; k++) {
    let a = dense_left[left];
    let b = dense_right[right];
    row0 += a.x * b;
    row1 += a.y * b;
    row2 += a.z * b;
    row3 += a.w * b;
    left += DENSE_SHARED_STRIDE;
    right += DENSE_SHARED_STRIDE;
  }
  return mat4x4f(row0, row1, row2, row3);
}

// dense_forward_wide: dense_forward in tiles of 16 × 16, which load fewer values for a multiply-add
// uses: dense_finish, tile_block
//
//   y[n,o] = act(b[o] + Σ_i x[n,i] · w[o,i])
//
//   x (B, I)   w (O, I)   b (O)   y (B, O)        row-major f32, rows padded with zeros to whole vec4f
//   one invocation per tile of 16 rows × 16 features: y00 … y33 are its 4 × 4 blocks, a column a row of y
//   grid (⌈B/16⌉ · ⌈O/16⌉, 1, 1), features first

override WG_X: u32 = 16;
override ACTIVATION: u32;

struct Params {
  B: u32,                   // rows, a multiple of 8
  I: u32,                   // input features
  O: u32,                   // output features
  SLOPE: f32,               // of the activation, if it is PIECEWISE_LINEAR
}

@group(0) @binding(0) var<storage, read>       x: array<vec4f>;   // (B, I)
@group(0) @binding(1) var<storage, read>       w: array<vec4f>;   // (O, I)
@group(0) @binding(2) var<storage, read>       b: array<vec4f>;   // (O)
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;   // (B, O)
@group(0) @binding(4) var<uniform>             params: Params;

@compute @workgroup_size(WG_X)
fn dense_forward_wide(@builtin(global_invocation_id) id: vec3u) {
  let I4 = (params.I + 3) / 4;
  let O4 = (params.O + 3) / 4;
  let tiles = (O4 + 3) / 4;
  if (id.x >= (params.B + 15) / 16 * tiles) { return; }
  let n = id.x / tiles * 16;
  let o = id.x % tiles * 4;      // first of four quads of features; those past the end repeat the last

  let n0 = n * I4;
  let n1 = n0 + 4 * I4;
  let n2 = min(n + 8, params.B - 8) * I4;
  let n3 = n2 + 4 * I4;
  let o0 = o * 4 * I4;
  let o1 = min(o + 1, O4 - 1) * 4 * I4;
  let o2 = min(o + 2, O4 - 1) * 4 * I4;
  let o3 = min(o + 3, O4 - 1) * 4 * I4;
  var y00 = mat4x4f(); var y01 = mat4x4f(); var y02 = mat4x4f(); var y03 = mat4x4f();
  var y10 = mat4x4f(); var y11 = mat4x4f(); var y12 = mat4x4f(); var y13 = mat4x4f();
  var y20 = mat4x4f(); var y21 = mat4x4f(); var y22 = mat4x4f(); var y23 = mat4x4f();
  var y30 = mat4x4f(); var y31 = mat4x4f(); var y32 = mat4x4f(); var y33 = mat4x4f();
  for (var i = 0u; i < I4; i++) {
    let x0 = x_rows(n0 + i, I4);
    let x1 = x_rows(n1 + i, I4);
    let x2 = x_rows(n2 + i, I4);
    let x3 = x_rows(n3 + i, I4);
    let w0 = w_columns(o0 + i, I4);
    y00 += w0 * x0;
    y10 += w0 * x1;
    y20 += w0 * x2;
    y30 += w0 * x3;
    let w1 = w_columns(o1 + i, I4);
    y01 += w1 * x0;
    y11 += w1 * x1;
    y21 += w1 * x2;
    y31 += w1 * x3;
    let w2 = w_columns(o2 + i, I4);
    y02 += w2 * x0;
    y12 += w2 * x1;
    y22 += w2 * x2;
    y32 += w2 * x3;
    let w3 = w_columns(o3 + i, I4);
    y03 += w3 * x0;
    y13 += w3 * x1;
    y23 += w3 * x2;
    y33 += w3 * x3;
  }
  for (var nth = 0u; nth < 8; nth++) {
    let quad = o + nth / 2;
    if (quad >= O4) { break; }
    dense_store_y_block(n + nth % 2 * 4, quad, tile_block(nth, y00, y10, y01, y11, y02, y12, y03, y13));
    if (n + 8 < params.B) {
      dense_store_y_block(n + 8 + nth % 2 * 4, quad, tile_block(nth, y20, y30, y21, y31, y22, y32, y23, y33));
    }
  }
}

fn x_rows(i: u32, stride: u32) -> mat4x4f {
  return mat4x4f(x[i], x[i + stride], x[i + 2 * stride], x[i + 3 * stride]);
}

fn w_columns(i: u32, stride: u32) -> mat4x4f {
  return transpose(mat4x4f(w[i], w[i + stride], w[i + 2 * stride], w[i + 3 * stride]));
}

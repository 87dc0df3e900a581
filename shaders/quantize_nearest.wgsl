// quantize_nearest: the nearest code of every position, as a matrix product with a running minimum
// uses: quantized_position
//
//   codes[n,p] = argmin_k |e_k|² − 2 z[n,p]·e_k          the lowest k among equals; |z|² is the same for all
//
//   z (B, P4(P·D)): P positions of D values a row   codebook (P4(K), P4(D))
//   codes (B, P4(P)) as words; past P it is NO_CODE
//   one invocation owns 4 positions and walks the codes 16 at a time: d0 … d3 are 4 × 4 products, a column a position
//   grid (P4(P)/4, B, 1)

override WG_X: u32 = 16;
override WG_Y: u32 = 4;
override B: u32;
override P: u32;            // positions of an image
override D: u32;            // values of a code
override K: u32;            // codes

override D4: u32 = (D + 3) / 4;
override K4: u32 = (K + 3) / 4;

@group(0) @binding(0) var<storage, read>       z: array<f32>;
@group(0) @binding(1) var<storage, read>       codebook: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> codes: array<vec4u>;

struct Nearest {
  distance: vec4f,
  code: vec4u,
}

@compute @workgroup_size(WG_X, WG_Y)
fn quantize_nearest(@builtin(global_invocation_id) id: vec3u) {
  let P4 = (P + 3) / 4;
  let n = id.y;
  if (id.x >= P4 || n >= B) { return; }
  let position = 4 * id.x + vec4u(0, 1, 2, 3);    // those past the end repeat the last
  let first = n * ((P * D + 3) / 4 * 4) + min(position, vec4u(P - 1)) * D;

  var best = Nearest(vec4f(0x1p127), vec4u(0));
  for (var k = 0u; k < K4; k += 4) {              // quads of codes; those past the end repeat the last
    let k0 = k * 4 * D4;
    let k1 = min(k + 1, K4 - 1) * 4 * D4;
    let k2 = min(k + 2, K4 - 1) * 4 * D4;
    let k3 = min(k + 3, K4 - 1) * 4 * D4;
    var d0 = mat4x4f(); var d1 = mat4x4f(); var d2 = mat4x4f(); var d3 = mat4x4f();
    var s0 = vec4f(); var s1 = vec4f(); var s2 = vec4f(); var s3 = vec4f();
    for (var q = 0u; q < D4; q++) {
      let z0 = mat4x4f(
        position_quad(first.x, q), position_quad(first.y, q), position_quad(first.z, q), position_quad(first.w, q),
      );
      let e0 = code_columns(k0 + q);
      d0 += e0 * z0;
      s0 += squares(e0);
      let e1 = code_columns(k1 + q);
      d1 += e1 * z0;
      s1 += squares(e1);
      let e2 = code_columns(k2 + q);
      d2 += e2 * z0;
      s2 += squares(e2);
      let e3 = code_columns(k3 + q);
      d3 += e3 * z0;
      s3 += squares(e3);
    }
    best = nearer_of_quad(best, 4 * k, d0, s0);
    best = nearer_of_quad(best, 4 * k + 4, d1, s1);
    best = nearer_of_quad(best, 4 * k + 8, d2, s2);
    best = nearer_of_quad(best, 4 * k + 12, d3, s3);
  }
  codes[n * P4 + id.x] = select(vec4u(NO_CODE), best.code, position < vec4u(P));
}

// columns of four codes: component i of the quad of each
fn code_columns(at: u32) -> mat4x4f {
  return transpose(mat4x4f(codebook[at], codebook[at + D4], codebook[at + 2 * D4], codebook[at + 3 * D4]));
}

fn squares(e: mat4x4f) -> vec4f {
  return e[0] * e[0] + e[1] * e[1] + e[2] * e[2] + e[3] * e[3];
}

// codes k … k+3 in turn; a column of `products` is a position
fn nearer_of_quad(best: Nearest, k: u32, products: mat4x4f, square: vec4f) -> Nearest {
  let by_code = transpose(products);
  var nearest = nearer(best, k, square.x - 2 * by_code[0]);
  nearest = nearer(nearest, k + 1, square.y - 2 * by_code[1]);
  nearest = nearer(nearest, k + 2, square.z - 2 * by_code[2]);
  return nearer(nearest, k + 3, square.w - 2 * by_code[3]);
}

fn nearer(best: Nearest, k: u32, distance: vec4f) -> Nearest {
  let closer = (distance < best.distance) & vec4<bool>(k < K);
  return Nearest(select(best.distance, distance, closer), select(best.code, vec4u(k), closer));
}

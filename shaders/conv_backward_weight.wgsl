// conv_backward_weight: dw = dyᵀ ⋆ x and db = Σ dy, written (=) or with ACCUMULATE added to (+=)
// uses: conv, tile_block
//
//   dw[co,kh,kw,ci] = Σ_{n,ho,wo} dy[n,ho,wo,co] · x[n, ho·S + kh − PAD_TOP, wo·S + kw − PAD_LEFT, ci]
//   db[co] = Σ_{n,ho,wo} dy[n,ho,wo,co], or with TRANSPOSED db[ci] = Σ_{n,h,w} x[n,h,w,ci]
//
//   x (B, H, W, Ci)   dy (B, Ho, Wo, Co)   dw (Co, Kh, Kw, Ci)   db (Co or Ci)
//   Ci and Co multiples of 4. For a transposed convolution x is the gradient of its output and dy its input.
//   One tile is 8 co × 16 ci of one tap, w00 … w13 its 4 × 4 blocks, a column a co; or, after these tiles, 8 elements
//   of db. With SPLITS > 1 dw and db have as many slices, each the sum over every SPLITS-th row of 4 images;
//   conv_reduce adds them up. grid (⌈Co/8⌉·Kh·Kw·⌈Ci/16⌉ + ⌈C/8⌉ with C of db, SPLITS, 1)

override WG_X: u32 = 8;
override WG_Y: u32 = 4;
override WIDE: bool;          // x has more than 8 channels
override ACCUMULATE: bool;    // dw and db are added to

struct Params {
  B: u32,                     // a multiple of 8
  H: u32,
  W: u32,
  Ci: u32,
  Ho: u32,
  Wo: u32,
  Co: u32,
  Kh: u32,
  Kw: u32,
  S: u32,                     // stride in both directions
  PAD_TOP: u32,
  PAD_LEFT: u32,
  SPLITS: u32,                // slices of dw and db
  TRANSPOSED: u32,            // 1: db is the sum of x
}

@group(0) @binding(0) var<storage, read>       x: array<vec4f>;    // (B, H, W, Ci)
@group(0) @binding(1) var<storage, read>       dy: array<vec4f>;   // (B, Ho, Wo, Co)
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;   // (SPLITS, Co, Kh, Kw, Ci)
@group(0) @binding(3) var<storage, read_write> db: array<vec4f>;   // (SPLITS, Co or Ci)
@group(0) @binding(4) var<uniform>             params: Params;

@compute @workgroup_size(WG_X, WG_Y)
fn conv_backward_weight(@builtin(global_invocation_id) id: vec3u) {
  let ci4 = params.Ci / 4;
  let co4 = params.Co / 4;
  let ci_tiles = (params.Ci + 15) / 16;
  let weight_tiles = (params.Co + 7) / 8 * params.Kh * params.Kw * ci_tiles;
  let split = id.y;
  if split >= params.SPLITS { return; }
  if id.x >= weight_tiles {
    sum_bias((id.x - weight_tiles) * 2, split);
    return;
  }

  let ci = id.x % ci_tiles * 4;            // quads of channels
  let co = id.x / (ci_tiles * params.Kh * params.Kw) * 2;
  let tap = id.x / ci_tiles % (params.Kh * params.Kw);
  let kh = tap / params.Kw;
  let kw = tap % params.Kw;
  let ho = outputs_reading(kh, params.PAD_TOP, params.Ho, params.S, params.H);
  let wo = outputs_reading(kw, params.PAD_LEFT, params.Wo, params.S, params.W);
  let rows = max(ho.y, ho.x) - ho.x;
  let x_image = params.H * params.W * ci4;
  let dy_image = params.Ho * params.Wo * co4;

  var w00 = mat4x4f(); var w01 = mat4x4f(); var w02 = mat4x4f(); var w03 = mat4x4f();
  var w10 = mat4x4f(); var w11 = mat4x4f(); var w12 = mat4x4f(); var w13 = mat4x4f();
  for (var r = split; r < params.B / 4 * rows; r += params.SPLITS) {
    let n = r / rows * 4;
    let line = ho.x + r % rows;
    let h = line * params.S + kh - params.PAD_TOP;
    let w = wo.x * params.S + kw - params.PAD_LEFT;
    var x_at = n * x_image + (h * params.W + w) * ci4 + ci;
    var dy_at = n * dy_image + (line * params.Wo + wo.x) * co4 + co;
    for (var j = wo.x; j < wo.y; j++) {
      let d0 = dy_columns(dy_at, dy_image);
      let d1 = dy_columns(dy_at + 1, dy_image);
      let x0 = x_rows(x_at, x_image);
      w00 += x0 * d0;
      w10 += x0 * d1;
      let x1 = x_rows(x_at + 1, x_image);
      w01 += x1 * d0;
      w11 += x1 * d1;
      if WIDE {
        let x2 = x_rows(x_at + 2, x_image);
        w02 += x2 * d0;
        w12 += x2 * d1;
        let x3 = x_rows(x_at + 3, x_image);
        w03 += x3 * d0;
        w13 += x3 * d1;
      }
      x_at += params.S * ci4;
      dy_at += co4;
    }
  }

  for (var nth = 0u; nth < 8; nth++) {
    let quad = vec2u(co + nth % 2, ci + nth / 2);
    if quad.x < co4 && quad.y < ci4 {
      store(split, quad.x, tap, quad.y, tile_block(nth, w00, w10, w01, w11, w02, w12, w03, w13));
    }
  }
}

// 4 channels of 4 images
fn x_rows(i: u32, image: u32) -> mat4x4f {
  return mat4x4f(x[i], x[i + image], x[i + 2 * image], x[i + 3 * image]);
}

fn dy_columns(i: u32, image: u32) -> mat4x4f {
  return transpose(mat4x4f(dy[i], dy[i + image], dy[i + 2 * image], dy[i + 3 * image]));
}

// 4 ci (a quad) of 4 co
fn store(split: u32, co: u32, tap: u32, ci: u32, v: mat4x4f) {
  let row = params.Kh * params.Kw * params.Ci / 4;
  let at = (split * params.Co + co * 4) * row + tap * params.Ci / 4 + ci;
  store_weight(at, v[0]);
  store_weight(at + row, v[1]);
  store_weight(at + row * 2, v[2]);
  store_weight(at + row * 3, v[3]);
}

// 8 elements of db, c the first quad
fn sum_bias(c: u32, split: u32) {
  let c4 = select(params.Co, params.Ci, params.TRANSPOSED == 1) / 4;
  let pixels = params.B * select(params.Ho * params.Wo, params.H * params.W, params.TRANSPOSED == 1);
  if c >= c4 { return; }
  var b0 = vec4f();
  var b1 = vec4f();
  for (var i = split; i < pixels; i += params.SPLITS) {
    if params.TRANSPOSED == 1 {
      b0 += x[i * c4 + c];
      b1 += x[i * c4 + c + 1];
    } else {
      b0 += dy[i * c4 + c];
      b1 += dy[i * c4 + c + 1];
    }
  }
  store_bias(split * c4 + c, b0);
  if c + 1 < c4 { store_bias(split * c4 + c + 1, b1); }
}

fn store_weight(at: u32, sum: vec4f) {
  var total = sum;
  if ACCUMULATE { total += dw[at]; }
  dw[at] = total;
}

fn store_bias(at: u32, sum: vec4f) {
  var total = sum;
  if ACCUMULATE { total += db[at]; }
  db[at] = total;
}

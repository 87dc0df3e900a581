// conv_backward_weight_scalar: dw = dyᵀ ⋆ x and db = Σ dy, written (=) or with ACCUMULATE added to (+=)
//
//   dw[m,kh,kw,f] = Σ_{n,i,j} many[n,i,j,m] · few[n, i·S ± kh + TOP, j·S ± kw + LEFT, f]
//   db[m] = Σ many or, with BIAS_OF_FEW, db[f] = Σ few
//
//   many (B, Hm, Wm, M)   few (B, Hf, Wf, F)   dw (Co, Kh, Kw, Ci)   db (M or F)
//   conv_backward_weight for any number of channels, read one by one. Few input channels: many = dy, few = x, sign +,
//   TOP = −pad. Few output channels and stride 1: many = x, few = dy, sign −, TOP = pad. Outside its image few is 0;
//   an image begins at a multiple of 4.
//   One tile is 8 m × 9 neighbours in (kh, kw, f), w00 … w12 its 4 × 3 blocks, a column a neighbour; or, after these
//   tiles, 8 elements of db. With SPLITS > 1 dw and db have as many slices, each the sum over every SPLITS-th row of
//   4 images; conv_reduce adds them up. grid (⌈M/8⌉·⌈Kh·Kw·F/9⌉ + ⌈C/8⌉ with C of db, SPLITS, 1)

override WG_X: u32 = 8;
override WG_Y: u32 = 4;
override B: u32;              // a multiple of 8
override Hm: u32;
override Wm: u32;
override M: u32;
override Hf: u32;
override Wf: u32;
override F: u32;
override Kh: u32;
override Kw: u32;
override S: u32;
override SIGN: i32;
override TOP: i32;
override LEFT: i32;
override M_STRIDE: u32;       // of dw, from one m to the next
override TAP_STRIDE: u32;     // from one (kh, kw) to the next
override F_STRIDE: u32;
override BIAS_OF_FEW: bool;   // db is the sum of few
override SPLITS: u32;         // slices of dw and db
override ACCUMULATE: bool;    // dw and db are added to

@group(0) @binding(0) var<storage, read>       many: array<f32>;   // (B, Hm, Wm, M)
@group(0) @binding(1) var<storage, read>       few: array<f32>;    // (B, Hf, Wf, F)
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;     // (SPLITS, Co, Kh, Kw, Ci)
@group(0) @binding(3) var<storage, read_write> db: array<f32>;     // (SPLITS, M or F)

@compute @workgroup_size(WG_X, WG_Y)
fn conv_backward_weight_scalar(@builtin(global_invocation_id) id: vec3u) {
  let m_tiles = (M + 7) / 8;
  let weight_tiles = m_tiles * ((Kh * Kw * F + 8) / 9);
  let many_image = (Hm * Wm * M + 3) / 4 * 4;
  let few_image = (Hf * Wf * F + 3) / 4 * 4;
  let split = id.y;
  if split >= SPLITS { return; }
  if id.x >= weight_tiles {
    sum_bias((id.x - weight_tiles) * 8, split, select(many_image, few_image, BIAS_OF_FEW));
    return;
  }

  let m = id.x % m_tiles * 8;
  let q = id.x / m_tiles * 9;              // the neighbours: q0, q1 and q2, at rows i0 … and columns j0 … of few
  let q0 = q + vec3u(0, 1, 2);
  let q1 = q + vec3u(3, 4, 5);
  let q2 = q + vec3u(6, 7, 8);
  let i0 = TOP + SIGN * vec3i(q0 / (Kw * F));
  let i1 = TOP + SIGN * vec3i(q1 / (Kw * F));
  let i2 = TOP + SIGN * vec3i(q2 / (Kw * F));
  let j0 = LEFT + SIGN * vec3i(q0 / F % Kw);
  let j1 = LEFT + SIGN * vec3i(q1 / F % Kw);
  let j2 = LEFT + SIGN * vec3i(q2 / F % Kw);

  var w00 = mat3x4f(); var w01 = mat3x4f(); var w02 = mat3x4f();
  var w10 = mat3x4f(); var w11 = mat3x4f(); var w12 = mat3x4f();
  for (var r = split; r < B / 4 * Hm; r += SPLITS) {
    let n = r / Hm * 4;
    let line = r % Hm;
    let i = i32(line * S);
    let from0 = i32(n * few_image) + ((i0 + i) * i32(Wf) + j0) * i32(F) + vec3i(q0 % F);
    let from1 = i32(n * few_image) + ((i1 + i) * i32(Wf) + j1) * i32(F) + vec3i(q1 % F);
    let from2 = i32(n * few_image) + ((i2 + i) * i32(Wf) + j2) * i32(F) + vec3i(q2 % F);
    let inside0 = inside(i0 + i, Hf);
    let inside1 = inside(i1 + i, Hf);
    let inside2 = inside(i2 + i, Hf);
    var at = n * many_image + line * Wm * M + m;
    for (var j = 0; j < i32(Wm * S); j += i32(S)) {
      let m0 = many_rows(at, many_image);
      let m1 = many_rows(at + 4, many_image);
      at += M;
      let f0 = few_columns(from0 + j * i32(F), inside0 & inside(j0 + j, Wf), few_image);
      w00 += m0 * f0;
      w10 += m1 * f0;
      let f1 = few_columns(from1 + j * i32(F), inside1 & inside(j1 + j, Wf), few_image);
      w01 += m0 * f1;
      w11 += m1 * f1;
      let f2 = few_columns(from2 + j * i32(F), inside2 & inside(j2 + j, Wf), few_image);
      w02 += m0 * f2;
      w12 += m1 * f2;
    }
  }

  store(split, m, q, w00, w10);
  store(split, m, q + 3, w01, w11);
  store(split, m, q + 6, w02, w12);
}

fn inside(position: vec3i, size: u32) -> vec3<bool> {
  return (position >= vec3i(0)) & (position < vec3i(i32(size)));
}

// 4 channels of 4 images
fn many_rows(at: u32, image: u32) -> mat4x4f {
  return mat4x4f(many_four(at), many_four(at + image), many_four(at + 2 * image), many_four(at + 3 * image));
}

fn many_four(at: u32) -> vec4f {
  return vec4f(many[at], many[at + 1], many[at + 2], many[at + 3]);
}

// 3 neighbours of 4 images, 0 where they are not inside
fn few_columns(at: vec3i, inside: vec3<bool>, image: u32) -> mat3x4f {
  let i = vec3u(select(vec3i(), at, inside));
  return transpose(mat4x3f(
    select(vec3f(), few_three(i), inside), select(vec3f(), few_three(i + image), inside),
    select(vec3f(), few_three(i + 2 * image), inside), select(vec3f(), few_three(i + 3 * image), inside)));
}

fn few_three(at: vec3u) -> vec3f {
  return vec3f(few[at.x], few[at.y], few[at.z]);
}

// 8 m of 3 neighbours
fn store(split: u32, m: u32, q: u32, w0: mat3x4f, w1: mat3x4f) {
  write(split, m, q, w0[0], w1[0]);
  write(split, m, q + 1, w0[1], w1[1]);
  write(split, m, q + 2, w0[2], w1[2]);
}

fn write(split: u32, m: u32, q: u32, w0: vec4f, w1: vec4f) {
  if q >= Kh * Kw * F { return; }
  let at = split * M * Kh * Kw * F + q / F * TAP_STRIDE + q % F * F_STRIDE + m * M_STRIDE;
  for (var i = 0u; i < 4; i++) {
    if m + i < M { store_weight(at + i * M_STRIDE, w0[i]); }
    if m + i + 4 < M { store_weight(at + (i + 4) * M_STRIDE, w1[i]); }
  }
}

// 8 elements of db from c on
fn sum_bias(c: u32, split: u32, image: u32) {
  let C = select(M, F, BIAS_OF_FEW);
  let pixels = select(Hm * Wm, Hf * Wf, BIAS_OF_FEW);
  var b0 = vec4f();
  var b1 = vec4f();
  for (var i = split; i < B * pixels; i += SPLITS) {
    let at = i / pixels * image + i % pixels * C + c;
    if BIAS_OF_FEW {
      b0 += vec4f(few[at], few[at + 1], few[at + 2], few[at + 3]);
      b1 += vec4f(few[at + 4], few[at + 5], few[at + 6], few[at + 7]);
    } else {
      b0 += many_four(at);
      b1 += many_four(at + 4);
    }
  }
  for (var i = 0u; i < 4; i++) {
    if c + i < C { store_bias(split * C + c + i, b0[i]); }
    if c + i + 4 < C { store_bias(split * C + c + i + 4, b1[i]); }
  }
}

fn store_weight(at: u32, sum: f32) {
  var total = sum;
  if ACCUMULATE { total += dw[at]; }
  dw[at] = total;
}

fn store_bias(at: u32, sum: f32) {
  var total = sum;
  if ACCUMULATE { total += db[at]; }
  db[at] = total;
}

// conv_forward_scalar: y = (act(b + x ⋆ w) + skip) · act'(activated)
//
//   Σ[n,ho,wo,co] = Σ_{kh,kw,ci} x[n, ho·S + kh − PAD_TOP, wo·S + kw − PAD_LEFT, ci] · w[co,kh,kw,ci]
//
//   x (B, H, W, Ci)   w (Co, Kh, Kw, Ci)   b (Co)   y, skip, activated (B, Ho, Wo, Co)
//   conv_forward for any number of channels, read one by one: for few input channels or no multiple of 4. An image of
//   x or y begins at a multiple of 4, the padding of y is written 0; B is a multiple of 8.
//   One invocation owns 8 images × 16 channels of one pixel of y; y00 … y13 are its 4 × 4 blocks, a column an image;
//   grid (⌈Co/16⌉, Ho·Wo, B/8)

override WG_X: u32 = 4;
override WG_Y: u32 = 8;
override H: u32;
override W: u32;
override Ci: u32;
override Ho: u32;
override Wo: u32;
override Co: u32;
override Kh: u32;
override Kw: u32;
override S: u32;              // stride in both directions
override PAD_TOP: u32;
override PAD_LEFT: u32;
override BIAS: bool;          // b is added
override ACTIVATION: u32;     // act
override SKIP: bool;          // skip is added
override ACTIVATION_X: u32;   // the activation that made `activated`; its derivative act' is taken from there

@group(0) @binding(0) var<storage, read>       x: array<f32>;   // (B, H, W, Ci)
@group(0) @binding(1) var<storage, read>       w: array<f32>;   // (Co, Kh, Kw, Ci)
@group(0) @binding(2) var<storage, read>       b: array<f32>;   // (Co), if BIAS
@group(0) @binding(3) var<storage, read>       skip: array<f32>;   // (B, Ho, Wo, Co), if SKIP
@group(0) @binding(4) var<storage, read>       activated: array<f32>;   // (B, Ho, Wo, Co), if ACTIVATION_X
@group(0) @binding(5) var<storage, read_write> y: array<f32>;   // (B, Ho, Wo, Co)

@compute @workgroup_size(WG_X, WG_Y)
fn conv_forward_scalar(@builtin(global_invocation_id) id: vec3u) {
  let co = id.x * 16;
  let pixel = id.y;
  let n = id.z * 8;
  if co >= Co || pixel >= Ho * Wo { return; }

  let image = (H * W * Ci + 3) / 4 * 4;
  let top = i32(pixel / Wo * S) - i32(PAD_TOP);
  let left = i32(pixel % Wo * S) - i32(PAD_LEFT);
  let kh = taps_inside(top, Kh, H);
  let kw = taps_inside(left, Kw, W);

  var y00 = mat4x4f(); var y01 = mat4x4f(); var y02 = mat4x4f(); var y03 = mat4x4f();
  var y10 = mat4x4f(); var y11 = mat4x4f(); var y12 = mat4x4f(); var y13 = mat4x4f();
  for (var i = kh.x; i < kh.y; i++) {
    let at = n * image + (u32(top + i32(i)) * W + u32(left + i32(kw.x))) * Ci;
    let tap = (i * Kw + kw.x) * Ci;
    let end = (max(kw.y, kw.x) - kw.x) * Ci;
    for (var k = 0u; k < end; k += 3) {      // (kw, ci) together, three at a time: contiguous in x and in w
      let x0 = x_rows(at + k, image, end - k);
      let x1 = x_rows(at + k + image * 4, image, end - k);
      let w0 = w_columns(co, tap + k);
      y00 += w0 * x0;
      y10 += w0 * x1;
      if Co > 4 {
        let w1 = w_columns(co + 4, tap + k);
        y01 += w1 * x0;
        y11 += w1 * x1;
      }
      if Co > 8 {
        let w2 = w_columns(co + 8, tap + k);
        y02 += w2 * x0;
        y12 += w2 * x1;
        let w3 = w_columns(co + 12, tap + k);
        y03 += w3 * x0;
        y13 += w3 * x1;
      }
    }
  }

  store(n, pixel, co, y00);
  store(n + 4, pixel, co, y10);
  store(n, pixel, co + 4, y01);
  store(n + 4, pixel, co + 4, y11);
  store(n, pixel, co + 8, y02);
  store(n + 4, pixel, co + 8, y12);
  store(n, pixel, co + 12, y03);
  store(n + 4, pixel, co + 12, y13);
}

// 3 values of 4 images, 0 from the count-th on
fn x_rows(at: u32, image: u32, count: u32) -> mat4x3f {
  return mat4x3f(
    x_three(at, count), x_three(at + image, count), x_three(at + 2 * image, count), x_three(at + 3 * image, count));
}

fn x_three(at: u32, count: u32) -> vec3f {
  return select(vec3f(), vec3f(x[at], x[at + 1], x[at + 2]), vec3u(0, 1, 2) < vec3u(count));
}

// 3 weights of 4 channels; those past the end repeat the last
fn w_columns(co: u32, k: u32) -> mat3x4f {
  let at = min(co + vec4u(0, 1, 2, 3), vec4u(Co - 1)) * (Kh * Kw * Ci) + k;
  return transpose(mat4x3f(w_three(at.x), w_three(at.y), w_three(at.z), w_three(at.w)));
}

fn w_three(at: u32) -> vec3f {
  return vec3f(w[at], w[at + 1], w[at + 2]);
}

// up to 4 channels of 4 images; a column is an image
fn store(n: u32, pixel: u32, co: u32, v: mat4x4f) {
  if co >= Co { return; }
  write(n, pixel, co, v[0]);
  write(n + 1, pixel, co, v[1]);
  write(n + 2, pixel, co, v[2]);
  write(n + 3, pixel, co, v[3]);
}

fn write(n: u32, pixel: u32, co: u32, sum: vec4f) {
  let features = Ho * Wo * Co;
  let stride = (features + 3) / 4 * 4;
  let at = n * stride + pixel * Co + co;
  var v = sum;
  if BIAS { v += vec4f(b[co], b[co + 1], b[co + 2], b[co + 3]); }
  v = activate(v, ACTIVATION);
  if SKIP { v += vec4f(skip[at], skip[at + 1], skip[at + 2], skip[at + 3]); }
  if ACTIVATION_X != LINEAR {
    let made = vec4f(activated[at], activated[at + 1], activated[at + 2], activated[at + 3]);
    v *= activation_derivative(made, ACTIVATION_X);
  }
  y[at] = v.x;
  if co + 1 < Co { y[at + 1] = v.y; }
  if co + 2 < Co { y[at + 2] = v.z; }
  if co + 3 < Co { y[at + 3] = v.w; }
  if pixel + 1 == Ho * Wo && co + 4 >= Co {
    for (var i = features; i < stride; i++) { y[n * stride + i] = 0; }
  }
}

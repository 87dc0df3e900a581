// conv_forward_scalar: y = (act(b + x ⋆ w) + skip) · act'(activated)
// uses: activation, tile_block
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
override ACTIVATED: bool;     // times act'(activated)
override ACTIVATION_X: u32;   // the activation that made `activated`
override SLOPE: f32;         // of act, if it is PIECEWISE_LINEAR
override SLOPE_X: f32;       // of the activation that made `activated`

@group(0) @binding(0) var<storage, read>       x: array<f32>;           // (B, H, W, Ci)
@group(0) @binding(1) var<storage, read>       w: array<f32>;           // (Co, Kh, Kw, Ci)
@group(0) @binding(2) var<storage, read>       b: array<f32>;           // (Co), if BIAS
@group(0) @binding(3) var<storage, read>       skip: array<f32>;        // (B, Ho, Wo, Co), if SKIP
@group(0) @binding(4) var<storage, read>       activated: array<f32>;   // (B, Ho, Wo, Co), if ACTIVATED
@group(0) @binding(5) var<storage, read_write> y: array<f32>;           // (B, Ho, Wo, Co)

@compute @workgroup_size(WG_X, WG_Y)
fn conv_forward_scalar(@builtin(global_invocation_id) id: vec3u) {
  let co = id.x * 16;
  let pixel = id.y;
  let n = id.z * 8;
  if co >= Co || pixel >= Ho * Wo { return; }

  let top = i32(pixel / Wo * S) - i32(PAD_TOP);
  let left = i32(pixel % Wo * S) - i32(PAD_LEFT);

  var y00 = mat4x4f(); var y01 = mat4x4f(); var y02 = mat4x4f(); var y03 = mat4x4f();
  var y10 = mat4x4f(); var y11 = mat4x4f(); var y12 = mat4x4f(); var y13 = mat4x4f();
  var k = 0u;
  loop {                                     // nine of (kh, kw, ci) at a time
    let p0 = places(k + vec3u(0, 1, 2), top, left);
    let p1 = places(k + vec3u(3, 4, 5), top, left);
    let p2 = places(k + vec3u(6, 7, 8), top, left);
    let x00 = x_rows(n, p0);
    let x01 = x_rows(n, p1);
    let x02 = x_rows(n, p2);
    let x10 = x_rows(n + 4, p0);
    let x11 = x_rows(n + 4, p1);
    let x12 = x_rows(n + 4, p2);
    let w00 = w_columns(co, k);
    let w01 = w_columns(co, k + 3);
    let w02 = w_columns(co, k + 6);
    y00 += w00 * x00 + w01 * x01 + w02 * x02;
    y10 += w00 * x10 + w01 * x11 + w02 * x12;
    if Co > 4 {
      let w10 = w_columns(co + 4, k);
      let w11 = w_columns(co + 4, k + 3);
      let w12 = w_columns(co + 4, k + 6);
      y01 += w10 * x00 + w11 * x01 + w12 * x02;
      y11 += w10 * x10 + w11 * x11 + w12 * x12;
    }
    if Co > 8 {
      let w20 = w_columns(co + 8, k);
      let w21 = w_columns(co + 8, k + 3);
      let w22 = w_columns(co + 8, k + 6);
      y02 += w20 * x00 + w21 * x01 + w22 * x02;
      y12 += w20 * x10 + w21 * x11 + w22 * x12;
      let w30 = w_columns(co + 12, k);
      let w31 = w_columns(co + 12, k + 3);
      let w32 = w_columns(co + 12, k + 6);
      y03 += w30 * x00 + w31 * x01 + w32 * x02;
      y13 += w30 * x10 + w31 * x11 + w32 * x12;
    }

    continuing {
      k += 9;
      break if k >= Kh * Kw * Ci;
    }
  }

  for (var nth = 0u; nth < 8; nth++) {
    let first = co + nth / 2 * 4;
    store(n + nth % 2 * 4, pixel, first, tile_block(nth, y00, y10, y01, y11, y02, y12, y03, y13));
  }
  if pixel + 1 == Ho * Wo && co + 16 >= Co { clear_padding(n); }
}

// where in an image the (kh, kw, ci) read; −1 outside
fn places(k: vec3u, top: i32, left: i32) -> vec3i {
  let h = top + vec3i(k / (Kw * Ci));
  let w = left + vec3i(k / Ci % Kw);
  let inside = (vec3u(h) < vec3u(H)) & (vec3u(w) < vec3u(W)) & (k < vec3u(Kh * Kw * Ci));
  return select(vec3i(-1), (h * i32(W) + w) * i32(Ci) + vec3i(k % Ci), inside);
}

// 3 values of 4 images, 0 outside
fn x_rows(n: u32, place: vec3i) -> mat4x3f {
  return mat4x3f(x_three(n, place), x_three(n + 1, place), x_three(n + 2, place), x_three(n + 3, place));
}

fn x_three(n: u32, place: vec3i) -> vec3f {
  let at = n * ((H * W * Ci + 3) / 4 * 4) + vec3u(max(place, vec3i(0)));
  return select(vec3f(), vec3f(x[at.x], x[at.y], x[at.z]), place >= vec3i(0));
}

// 3 weights of 4 channels; those past the end repeat the last
fn w_columns(co: u32, k: u32) -> mat3x4f {
  let at = min(co + vec4u(0, 1, 2, 3), vec4u(Co - 1)) * (Kh * Kw * Ci) + k;
  return transpose(mat4x3f(w_three(at.x), w_three(at.y), w_three(at.z), w_three(at.w)));
}

fn w_three(at: u32) -> vec3f {
  let i = min(at + vec3u(0, 1, 2), vec3u(Co * Kh * Kw * Ci - 1));   // past the end x is 0
  return vec3f(w[i.x], w[i.y], w[i.z]);
}

// up to 4 channels of 4 images; a column is an image
fn store(n: u32, pixel: u32, co: u32, v: mat4x4f) {
  if co >= Co { return; }
  var bias = vec4f();
  if BIAS { bias = vec4f(b[co], b[co + 1], b[co + 2], b[co + 3]); }
  write(n, pixel, co, v[0] + bias);
  write(n + 1, pixel, co, v[1] + bias);
  write(n + 2, pixel, co, v[2] + bias);
  write(n + 3, pixel, co, v[3] + bias);
}

fn write(n: u32, pixel: u32, co: u32, sum: vec4f) {
  let features = Ho * Wo * Co;
  let stride = (features + 3) / 4 * 4;
  let at = n * stride + pixel * Co + co;
  var v = activate(sum, ACTIVATION, SLOPE);
  if SKIP { v += vec4f(skip[at], skip[at + 1], skip[at + 2], skip[at + 3]); }
  if ACTIVATED {
    let made = vec4f(activated[at], activated[at + 1], activated[at + 2], activated[at + 3]);
    v *= activation_derivative(made, ACTIVATION_X, SLOPE_X);
  }
  y[at] = v.x;
  if co + 1 < Co { y[at + 1] = v.y; }
  if co + 2 < Co { y[at + 2] = v.z; }
  if co + 3 < Co { y[at + 3] = v.w; }
}

// 0 behind the features of 8 images
fn clear_padding(n: u32) {
  let features = Ho * Wo * Co;
  let stride = (features + 3) / 4 * 4;
  for (var image = n; image < n + 8; image++) {
    for (var i = features; i < stride; i++) { y[image * stride + i] = 0; }
  }
}

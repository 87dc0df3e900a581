// conv_backward_input_scalar: dx = (act(b + dy ⋆ᵀ w) + skip) · act'(activated), written (=)
// uses: activation, tile_block
//
//   Σ[n,h,w,ci] = Σ_{kh,kw,co} dy[n,ho,wo,co] · w[co,kh,kw,ci]   over the taps through which an output reads the pixel:
//                 ho·S + kh − PAD_TOP = h and wo·S + kw − PAD_LEFT = w
//
//   dy (B, Ho, Wo, Co)   w (Co, Kh, Kw, Ci)   b (Ci)   dx, skip, activated (B, H, W, Ci)
//   conv_backward_input for any number of channels, read one by one: for few output channels or no multiple of 4. An
//   image of dy or dx begins at a multiple of 4, the padding of dx is written 0; B is a multiple of 8.
//   One invocation owns 8 images × 16 channels of one pixel of dx; v00 … v13 are its 4 × 4 blocks, a column an image;
//   grid (⌈Ci/16⌉, H·W, B/8)

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

override ROWS: u32 = (Kh + S - 1) / S;   // at most, of taps that reach a pixel
override COLUMNS: u32 = (Kw + S - 1) / S;

@group(0) @binding(0) var<storage, read>       dy: array<f32>;          // (B, Ho, Wo, Co)
@group(0) @binding(1) var<storage, read>       w: array<f32>;           // (Co, Kh, Kw, Ci)
@group(0) @binding(2) var<storage, read>       b: array<f32>;           // (Ci), if BIAS
@group(0) @binding(3) var<storage, read>       skip: array<f32>;        // (B, H, W, Ci), if SKIP
@group(0) @binding(4) var<storage, read>       activated: array<f32>;   // (B, H, W, Ci), if ACTIVATED
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;          // (B, H, W, Ci)

@compute @workgroup_size(WG_X, WG_Y)
fn conv_backward_input_scalar(@builtin(global_invocation_id) id: vec3u) {
  let ci = id.x * 16;
  let pixel = id.y;
  let n = id.z * 8;
  if ci >= Ci || pixel >= H * W { return; }

  let bottom = pixel / W + PAD_TOP;        // kh + ho · S
  let right = pixel % W + PAD_LEFT;        // kw + wo · S

  var v00 = mat4x4f(); var v01 = mat4x4f(); var v02 = mat4x4f(); var v03 = mat4x4f();
  var v10 = mat4x4f(); var v11 = mat4x4f(); var v12 = mat4x4f(); var v13 = mat4x4f();
  var k = 0u;
  loop {                                     // nine of (row, column, co) at a time
    let k0 = k + vec3u(0, 1, 2);
    let k1 = k + vec3u(3, 4, 5);
    let k2 = k + vec3u(6, 7, 8);
    let p0 = places(k0, bottom, right);
    let p1 = places(k1, bottom, right);
    let p2 = places(k2, bottom, right);
    let d00 = dy_rows(n, p0);
    let d01 = dy_rows(n, p1);
    let d02 = dy_rows(n, p2);
    let d10 = dy_rows(n + 4, p0);
    let d11 = dy_rows(n + 4, p1);
    let d12 = dy_rows(n + 4, p2);
    let q0 = ci + select(vec3u(), taps(k0, bottom, right), p0 >= vec3i(0));
    let q1 = ci + select(vec3u(), taps(k1, bottom, right), p1 >= vec3i(0));
    let q2 = ci + select(vec3u(), taps(k2, bottom, right), p2 >= vec3i(0));
    let w00 = w_rows(q0);
    let w01 = w_rows(q1);
    let w02 = w_rows(q2);
    v00 += w00 * d00 + w01 * d01 + w02 * d02;
    v10 += w00 * d10 + w01 * d11 + w02 * d12;
    if Ci > 4 {
      let w10 = w_rows(q0 + 4);
      let w11 = w_rows(q1 + 4);
      let w12 = w_rows(q2 + 4);
      v01 += w10 * d00 + w11 * d01 + w12 * d02;
      v11 += w10 * d10 + w11 * d11 + w12 * d12;
    }
    if Ci > 8 {
      let w20 = w_rows(q0 + 8);
      let w21 = w_rows(q1 + 8);
      let w22 = w_rows(q2 + 8);
      v02 += w20 * d00 + w21 * d01 + w22 * d02;
      v12 += w20 * d10 + w21 * d11 + w22 * d12;
      let w30 = w_rows(q0 + 12);
      let w31 = w_rows(q1 + 12);
      let w32 = w_rows(q2 + 12);
      v03 += w30 * d00 + w31 * d01 + w32 * d02;
      v13 += w30 * d10 + w31 * d11 + w32 * d12;
    }

    continuing {
      k += 9;
      break if k >= ROWS * COLUMNS * Co;
    }
  }

  for (var nth = 0u; nth < 8; nth++) {
    let first = ci + nth / 2 * 4;
    store(n + nth % 2 * 4, pixel, first, tile_block(nth, v00, v10, v01, v11, v02, v12, v03, v13));
  }
  if pixel + 1 == H * W && ci + 16 >= Ci { clear_padding(n); }
}

// where in an image of dy the (row, column, co) of the taps that reach the pixel read; −1 outside
fn places(k: vec3u, bottom: u32, right: u32) -> vec3i {
  let i = k / (COLUMNS * Co);
  let j = k / Co % COLUMNS;
  let ho = bottom / S - i;
  let wo = right / S - j;
  let inside = (bottom % S + i * S < vec3u(Kh)) & (right % S + j * S < vec3u(Kw))
    & (ho < vec3u(Ho)) & (wo < vec3u(Wo)) & (i < vec3u(ROWS));
  return select(vec3i(-1), vec3i((ho * Wo + wo) * Co + k % Co), inside);
}

// where their weights begin
fn taps(k: vec3u, bottom: u32, right: u32) -> vec3u {
  let kh = bottom % S + k / (COLUMNS * Co) * S;
  let kw = right % S + k / Co % COLUMNS * S;
  return ((k % Co * Kh + kh) * Kw + kw) * Ci;
}

// 3 values of 4 images, 0 outside
fn dy_rows(n: u32, place: vec3i) -> mat4x3f {
  return mat4x3f(dy_three(n, place), dy_three(n + 1, place), dy_three(n + 2, place), dy_three(n + 3, place));
}

fn dy_three(n: u32, place: vec3i) -> vec3f {
  let at = n * ((Ho * Wo * Co + 3) / 4 * 4) + vec3u(max(place, vec3i(0)));
  return select(vec3f(), vec3f(dy[at.x], dy[at.y], dy[at.z]), place >= vec3i(0));
}

// 3 weights of 4 channels; those past the end are not stored
fn w_rows(at: vec3u) -> mat3x4f {
  return mat3x4f(w_four(at.x), w_four(at.y), w_four(at.z));
}

fn w_four(at: u32) -> vec4f {
  return vec4f(w[at], w[at + 1], w[at + 2], w[at + 3]);
}

// up to 4 channels of 4 images; a column is an image
fn store(n: u32, pixel: u32, ci: u32, v: mat4x4f) {
  if ci >= Ci { return; }
  var bias = vec4f();
  if BIAS { bias = vec4f(b[ci], b[ci + 1], b[ci + 2], b[ci + 3]); }
  write(n, pixel, ci, v[0] + bias);
  write(n + 1, pixel, ci, v[1] + bias);
  write(n + 2, pixel, ci, v[2] + bias);
  write(n + 3, pixel, ci, v[3] + bias);
}

fn write(n: u32, pixel: u32, ci: u32, sum: vec4f) {
  let features = H * W * Ci;
  let stride = (features + 3) / 4 * 4;
  let at = n * stride + pixel * Ci + ci;
  var v = activate(sum, ACTIVATION, SLOPE);
  if SKIP { v += vec4f(skip[at], skip[at + 1], skip[at + 2], skip[at + 3]); }
  if ACTIVATED {
    let made = vec4f(activated[at], activated[at + 1], activated[at + 2], activated[at + 3]);
    v *= activation_derivative(made, ACTIVATION_X, SLOPE_X);
  }
  dx[at] = v.x;
  if ci + 1 < Ci { dx[at + 1] = v.y; }
  if ci + 2 < Ci { dx[at + 2] = v.z; }
  if ci + 3 < Ci { dx[at + 3] = v.w; }
}

// 0 behind the features of 8 images
fn clear_padding(n: u32) {
  let features = H * W * Ci;
  let stride = (features + 3) / 4 * 4;
  for (var image = n; image < n + 8; image++) {
    for (var i = features; i < stride; i++) { dx[image * stride + i] = 0; }
  }
}

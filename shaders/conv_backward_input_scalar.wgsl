// conv_backward_input_scalar: dx = (act(b + dy ⋆ᵀ w) + skip) · act'(activated), written (=)
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
override ACTIVATION_X: u32;   // the activation that made `activated`; its derivative act' is taken from there

@group(0) @binding(0) var<storage, read>       dy: array<f32>;   // (B, Ho, Wo, Co)
@group(0) @binding(1) var<storage, read>       w: array<f32>;   // (Co, Kh, Kw, Ci)
@group(0) @binding(2) var<storage, read>       b: array<f32>;   // (Ci), if BIAS
@group(0) @binding(3) var<storage, read>       skip: array<f32>;   // (B, H, W, Ci), if SKIP
@group(0) @binding(4) var<storage, read>       activated: array<f32>;   // (B, H, W, Ci), if ACTIVATION_X
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;   // (B, H, W, Ci)

@compute @workgroup_size(WG_X, WG_Y)
fn conv_backward_input_scalar(@builtin(global_invocation_id) id: vec3u) {
  let ci = id.x * 16;
  let pixel = id.y;
  let n = id.z * 8;
  if ci >= Ci || pixel >= H * W { return; }

  let image = (Ho * Wo * Co + 3) / 4 * 4;
  let bottom = pixel / W + PAD_TOP;        // kh + ho · S
  let right = pixel % W + PAD_LEFT;        // kw + wo · S
  let kh = taps_reaching(bottom, Kh, Ho, S);
  let kw = taps_reaching(right, Kw, Wo, S);

  var v00 = mat4x4f(); var v01 = mat4x4f(); var v02 = mat4x4f(); var v03 = mat4x4f();
  var v10 = mat4x4f(); var v11 = mat4x4f(); var v12 = mat4x4f(); var v13 = mat4x4f();
  for (var i = kh.x; i < kh.y; i += S) {
    let line = n * image + (bottom - i) / S * Wo * Co;
    let end = (max(kw.y, kw.x) - kw.x + S - 1) / S * Co;
    for (var k = 0u; k < end; k += 3) {                      // (kw, co) together, three at a time
      let three = min(k + vec3u(0, 1, 2), vec3u(end - 1));
      let j = kw.x + three / Co * S;
      let co = three % Co;
      let at = line + (right - j) / S * Co + co;
      let tap = ((co * Kh + i) * Kw + j) * Ci + ci;
      let d0 = dy_rows(at, image, end - k);
      let d1 = dy_rows(at + image * 4, image, end - k);
      let w0 = w_rows(tap);
      v00 += w0 * d0;
      v10 += w0 * d1;
      if Ci > 4 {
        let w1 = w_rows(tap + 4);
        v01 += w1 * d0;
        v11 += w1 * d1;
      }
      if Ci > 8 {
        let w2 = w_rows(tap + 8);
        v02 += w2 * d0;
        v12 += w2 * d1;
        let w3 = w_rows(tap + 12);
        v03 += w3 * d0;
        v13 += w3 * d1;
      }
    }
  }

  store(n, pixel, ci, v00);
  store(n + 4, pixel, ci, v10);
  store(n, pixel, ci + 4, v01);
  store(n + 4, pixel, ci + 4, v11);
  store(n, pixel, ci + 8, v02);
  store(n + 4, pixel, ci + 8, v12);
  store(n, pixel, ci + 12, v03);
  store(n + 4, pixel, ci + 12, v13);
}

// 3 values of 4 images, 0 from the count-th on
fn dy_rows(at: vec3u, image: u32, count: u32) -> mat4x3f {
  return mat4x3f(
    dy_three(at, count), dy_three(at + image, count), dy_three(at + 2 * image, count), dy_three(at + 3 * image, count));
}

fn dy_three(at: vec3u, count: u32) -> vec3f {
  return select(vec3f(), vec3f(dy[at.x], dy[at.y], dy[at.z]), vec3u(0, 1, 2) < vec3u(count));
}

// weights of 4 channels; those past the end are not stored
fn w_rows(at: vec3u) -> mat3x4f {
  return mat3x4f(w_four(at.x), w_four(at.y), w_four(at.z));
}

fn w_four(at: u32) -> vec4f {
  return vec4f(w[at], w[at + 1], w[at + 2], w[at + 3]);
}

// up to 4 channels of 4 images; a column is an image
fn store(n: u32, pixel: u32, ci: u32, v: mat4x4f) {
  if ci >= Ci { return; }
  write(n, pixel, ci, v[0]);
  write(n + 1, pixel, ci, v[1]);
  write(n + 2, pixel, ci, v[2]);
  write(n + 3, pixel, ci, v[3]);
}

fn write(n: u32, pixel: u32, ci: u32, sum: vec4f) {
  let features = H * W * Ci;
  let stride = (features + 3) / 4 * 4;
  let at = n * stride + pixel * Ci + ci;
  var v = sum;
  if BIAS { v += vec4f(b[ci], b[ci + 1], b[ci + 2], b[ci + 3]); }
  v = activate(v, ACTIVATION);
  if SKIP { v += vec4f(skip[at], skip[at + 1], skip[at + 2], skip[at + 3]); }
  if ACTIVATION_X != LINEAR {
    let made = vec4f(activated[at], activated[at + 1], activated[at + 2], activated[at + 3]);
    v *= activation_derivative(made, ACTIVATION_X);
  }
  dx[at] = v.x;
  if ci + 1 < Ci { dx[at + 1] = v.y; }
  if ci + 2 < Ci { dx[at + 2] = v.z; }
  if ci + 3 < Ci { dx[at + 3] = v.w; }
  if pixel + 1 == H * W && ci + 4 >= Ci {
    for (var i = features; i < stride; i++) { dx[n * stride + i] = 0; }
  }
}

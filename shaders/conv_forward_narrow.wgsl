// conv_forward_narrow: y = (act(b + x ⋆ w) + skip) · act'(activated)
// uses: activation, conv
//
//   Σ[n,ho,wo,co] = Σ_{kh,kw,ci} x[n, ho·S + kh − PAD_TOP, wo·S + kw − PAD_LEFT, ci] · w[co,kh,kw,ci]
//
//   x (B, H, W, Ci)   w (Co, Kh, Kw, Ci)   b (Co)   y, skip, activated (B, Ho, Wo, Co)
//   conv_forward for few output channels; Ci a multiple of 4. An image of y begins at a multiple of 4, its padding is
//   written 0.
//   One invocation owns 8 images × 2 neighbouring pixels of one row and channel, as if they were 2 channels whose taps
//   lie S columns apart; a column of y0 or y1 is an image; grid (Co, Ho·⌈Wo/2⌉, B/8)

override WG_X: u32 = 1;
override WG_Y: u32 = 32;
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

@group(0) @binding(0) var<storage, read>       x: array<vec4f>;         // (B, H, W, Ci)
@group(0) @binding(1) var<storage, read>       w: array<vec4f>;         // (Co, Kh, Kw, Ci)
@group(0) @binding(2) var<storage, read>       b: array<f32>;           // (Co), if BIAS
@group(0) @binding(3) var<storage, read>       skip: array<f32>;        // (B, Ho, Wo, Co), if SKIP
@group(0) @binding(4) var<storage, read>       activated: array<f32>;   // (B, Ho, Wo, Co), if ACTIVATED
@group(0) @binding(5) var<storage, read_write> y: array<f32>;           // (B, Ho, Wo, Co)

@compute @workgroup_size(WG_X, WG_Y)
fn conv_forward_narrow(@builtin(global_invocation_id) id: vec3u) {
  let pairs = (Wo + 1) / 2;
  let co = id.x;
  let ho = id.y / pairs;
  let wo = id.y % pairs * 2;
  let n = id.z * 8;
  if co >= Co || ho >= Ho { return; }

  let ci4 = Ci / 4;
  let image = H * W * ci4;
  let top = i32(ho * S) - i32(PAD_TOP);
  let left = i32(wo * S) - i32(PAD_LEFT);
  let kh = taps_inside(top, Kh, H);
  let kw = taps_inside(left, Kw + S, W);

  var y0 = mat4x2f();
  var y1 = mat4x2f();
  for (var i = kh.x; i < kh.y; i++) {
    var at = n * image + (u32(top + i32(i)) * W + u32(left + i32(kw.x))) * ci4;
    let tap = (co * Kh + i) * Kw * ci4;
    for (var k = kw.x * ci4; k < kw.y * ci4; k++) {          // (kw, ci) together: contiguous in x and in w
      let w0 = w_columns(tap, k);
      y0 += w0 * x_rows(at, image);
      y1 += w0 * x_rows(at + image * 4, image);
      at++;
    }
  }

  store(n, ho, wo, co, y0[0]);
  store(n + 1, ho, wo, co, y0[1]);
  store(n + 2, ho, wo, co, y0[2]);
  store(n + 3, ho, wo, co, y0[3]);
  store(n + 4, ho, wo, co, y1[0]);
  store(n + 5, ho, wo, co, y1[1]);
  store(n + 6, ho, wo, co, y1[2]);
  store(n + 7, ho, wo, co, y1[3]);
}

// 4 channels of 4 images
fn x_rows(i: u32, image: u32) -> mat4x4f {
  return mat4x4f(x[i], x[i + image], x[i + 2 * image], x[i + 3 * image]);
}

// the weights of both pixels for (kw, ci) = k of the first
fn w_columns(tap: u32, k: u32) -> mat4x2f {
  return transpose(mat2x4f(w_at(tap, k), w_at(tap, k - S * Ci / 4)));
}

// 0 where k is not one of (kw, ci); it may have wrapped around
fn w_at(tap: u32, k: u32) -> vec4f {
  return select(vec4f(), w[tap + k], k < Kw * Ci / 4);
}

// both pixels of an image
fn store(n: u32, ho: u32, wo: u32, co: u32, sum: vec2f) {
  let features = Ho * Wo * Co;
  let stride = (features + 3) / 4 * 4;
  let at = n * stride + (ho * Wo + wo) * Co + co;
  var v = vec4f(sum, 0, 0);
  if BIAS { v += b[co]; }
  v = activate(v, ACTIVATION, SLOPE);
  if SKIP { v += vec4f(skip[at], skip[at + Co], 0, 0); }
  if ACTIVATED {
    v *= activation_derivative(vec4f(activated[at], activated[at + Co], 0, 0), ACTIVATION_X, SLOPE_X);
  }
  y[at] = v.x;
  if wo + 1 < Wo { y[at + Co] = v.y; }
  if ho + 1 == Ho && wo + 2 >= Wo && co + 1 == Co {
    for (var i = features; i < stride; i++) { y[n * stride + i] = 0; }
  }
}

// conv_backward_input_narrow: dx = (act(b + dy ⋆ᵀ w) + skip) · act'(activated), written (=)
// uses: activation, conv
//
//   Σ[n,h,w,ci] = Σ_{kh,kw,co} dy[n,ho,wo,co] · w[co,kh,kw,ci]   over the taps through which an output reads the pixel:
//                 ho·S + kh − PAD_TOP = h and wo·S + kw − PAD_LEFT = w
//
//   dy (B, Ho, Wo, Co)   w (Co, Kh, Kw, Ci)   b (Ci)   dx, skip, activated (B, H, W, Ci)
//   conv_backward_input for few input channels; Co a multiple of 4. An image of dx begins at a multiple of 4, its
//   padding is written 0.
//   One invocation owns 8 images × 2 pixels of one row and channel, S apart so that they share the pixels of dy;
//   a column of v0 or v1 is an image; grid (Ci, H·S·⌈W/(2·S)⌉, B/8)

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

@group(0) @binding(0) var<storage, read>       dy: array<vec4f>;        // (B, Ho, Wo, Co)
@group(0) @binding(1) var<storage, read>       w: array<f32>;           // (Co, Kh, Kw, Ci)
@group(0) @binding(2) var<storage, read>       b: array<f32>;           // (Ci), if BIAS
@group(0) @binding(3) var<storage, read>       skip: array<f32>;        // (B, H, W, Ci), if SKIP
@group(0) @binding(4) var<storage, read>       activated: array<f32>;   // (B, H, W, Ci), if ACTIVATED
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;          // (B, H, W, Ci)

@compute @workgroup_size(WG_X, WG_Y)
fn conv_backward_input_narrow(@builtin(global_invocation_id) id: vec3u) {
  let pairs = (W + 2 * S - 1) / (2 * S);
  let ci = id.x;
  let h = id.y / (S * pairs);
  let column = id.y / pairs % S + id.y % pairs * 2 * S;      // of the first pixel
  let n = id.z * 8;
  if ci >= Ci || h >= H || column >= W { return; }

  let co4 = Co / 4;
  let image = Ho * Wo * co4;
  let bottom = h + PAD_TOP;                // kh + ho · S
  let right = column + PAD_LEFT + S;       // kw + wo · S of the second pixel
  let kh = taps_reaching(bottom, Kh, Ho, S);
  let kw = taps_reaching(right, Kw + S, Wo, S);

  var v0 = mat4x2f();
  var v1 = mat4x2f();
  for (var i = kh.x; i < kh.y; i += S) {
    for (var j = kw.x; j < kw.y; j += S) {                   // kw of the second pixel
      let at = n * image + ((bottom - i) / S * Wo + (right - j) / S) * co4;
      var tap = (i * Kw + j) * Ci + ci;
      for (var k = 0u; k < co4; k++) {
        let w0 = w_columns(tap, j);
        v0 += w0 * dy_rows(at + k, image);
        v1 += w0 * dy_rows(at + k + image * 4, image);
        tap += 4 * Kh * Kw * Ci;
      }
    }
  }

  store(n, h, column, ci, v0[0]);
  store(n + 1, h, column, ci, v0[1]);
  store(n + 2, h, column, ci, v0[2]);
  store(n + 3, h, column, ci, v0[3]);
  store(n + 4, h, column, ci, v1[0]);
  store(n + 5, h, column, ci, v1[1]);
  store(n + 6, h, column, ci, v1[2]);
  store(n + 7, h, column, ci, v1[3]);
}

// 4 channels of 4 images
fn dy_rows(i: u32, image: u32) -> mat4x4f {
  return mat4x4f(dy[i], dy[i + image], dy[i + 2 * image], dy[i + 3 * image]);
}

// the weights of both pixels, for 4 co, where the tap of the second one is in column j
fn w_columns(tap: u32, j: u32) -> mat4x2f {
  return transpose(mat2x4f(w_four(tap - S * Ci, j - S), w_four(tap, j)));
}

// 4 co; 0 where j is not one of kw, for it may have wrapped around
fn w_four(at: u32, j: u32) -> vec4f {
  let row = Kh * Kw * Ci;
  return select(vec4f(), vec4f(w[at], w[at + row], w[at + 2 * row], w[at + 3 * row]), j < Kw);
}

// both pixels of an image
fn store(n: u32, h: u32, column: u32, ci: u32, sum: vec2f) {
  let features = H * W * Ci;
  let stride = (features + 3) / 4 * 4;
  let step = S * Ci;
  let at = n * stride + (h * W + column) * Ci + ci;
  var v = vec4f(sum, 0, 0);
  if BIAS { v += b[ci]; }
  v = activate(v, ACTIVATION, SLOPE);
  if SKIP { v += vec4f(skip[at], skip[at + step], 0, 0); }
  if ACTIVATED {
    v *= activation_derivative(vec4f(activated[at], activated[at + step], 0, 0), ACTIVATION_X, SLOPE_X);
  }
  dx[at] = v.x;
  if column + S < W { dx[at + step] = v.y; }
  if h + 1 == H && column + 2 * S >= W && column % S == (W - 1) % S && ci + 1 == Ci {
    for (var i = features; i < stride; i++) { dx[n * stride + i] = 0; }
  }
}

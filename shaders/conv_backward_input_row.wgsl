// conv_backward_input_row: dx = (act(b + dy ⋆ᵀ w) + skip) · act'(activated), written (=)
//
//   Σ[n,h,w,ci] = Σ_{kh,kw,co} dy[n,ho,wo,co] · w[co,kh,kw,ci]   over the taps through which an output reads the pixel:
//                 ho·S + kh − PAD_TOP = h and wo·S + kw − PAD_LEFT = w
//
//   dy (B, Ho, Wo, Co)   w (Co, Kh, Kw, Ci)   b (Ci)   dx, skip, activated (B, H, W, Ci)
//   conv_backward_input for few input channels; Co a multiple of 4. An image of dx begins at a multiple of 4, its
//   padding is written 0.
//   One invocation owns one channel of 16 pixels of one row, v0 … v3, S apart so that the same taps reach them; for
//   three of these taps it reads 18 neighbouring pixels of dy; grid (Ci, H·S·⌈W/(16·S)⌉, B)

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
override ACTIVATION_X: u32;   // the activation that made `activated`; its derivative act' is taken from there

@group(0) @binding(0) var<storage, read>       dy: array<vec4f>;   // (B, Ho, Wo, Co)
@group(0) @binding(1) var<storage, read>       w: array<f32>;   // (Co, Kh, Kw, Ci)
@group(0) @binding(2) var<storage, read>       b: array<f32>;   // (Ci), if BIAS
@group(0) @binding(3) var<storage, read>       skip: array<f32>;   // (B, H, W, Ci), if SKIP
@group(0) @binding(4) var<storage, read>       activated: array<f32>;   // (B, H, W, Ci), if ACTIVATION_X
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;   // (B, H, W, Ci)

@compute @workgroup_size(WG_X, WG_Y)
fn conv_backward_input_row(@builtin(global_invocation_id) id: vec3u) {
  let runs = (W + 16 * S - 1) / (16 * S);
  let ci = id.x;
  let h = id.y / (S * runs);
  let column = id.y / runs % S + id.y % runs * 16 * S;     // of the first pixel
  let n = id.z;
  if ci >= Ci || h >= H || column >= W { return; }

  let row = Kh * Kw * Ci;
  let bottom = h + PAD_TOP;                // kh + ho · S
  let right = column + PAD_LEFT;           // kw + wo · S of the first pixel
  let kh = taps_reaching(bottom, Kh, Ho, S);

  var v0 = vec4f(); var v1 = vec4f(); var v2 = vec4f(); var v3 = vec4f();
  for (var i = kh.x; i < kh.y; i += S) {
    let line = (n * Ho + (bottom - i) / S) * Wo;
    for (var j = right % S; j < Kw; j += 3 * S) {
      let wo = i32(right / S) - i32(j / S);
      var tap = (i * Kw + j) * Ci + ci;
      for (var k = 0u; k < Co / 4; k++) {
        let w0 = w_four(tap, row);
        let w1 = select(vec4f(), w_four(tap + S * Ci, row), j + S < Kw);
        let w2 = select(vec4f(), w_four(tap + 2 * S * Ci, row), j + 2 * S < Kw);
        tap += 4 * row;
        let d0 = dy_at(line, wo - 2, k);
        let d1 = dy_at(line, wo - 1, k);
        let d2 = dy_at(line, wo, k);
        let d3 = dy_at(line, wo + 1, k);
        let d4 = dy_at(line, wo + 2, k);
        let d5 = dy_at(line, wo + 3, k);
        let d6 = dy_at(line, wo + 4, k);
        let d7 = dy_at(line, wo + 5, k);
        let d8 = dy_at(line, wo + 6, k);
        let d9 = dy_at(line, wo + 7, k);
        let d10 = dy_at(line, wo + 8, k);
        let d11 = dy_at(line, wo + 9, k);
        let d12 = dy_at(line, wo + 10, k);
        let d13 = dy_at(line, wo + 11, k);
        let d14 = dy_at(line, wo + 12, k);
        let d15 = dy_at(line, wo + 13, k);
        let d16 = dy_at(line, wo + 14, k);
        let d17 = dy_at(line, wo + 15, k);
        v0 += w0 * mat4x4f(d2, d3, d4, d5) + w1 * mat4x4f(d1, d2, d3, d4)
          + w2 * mat4x4f(d0, d1, d2, d3);
        v1 += w0 * mat4x4f(d6, d7, d8, d9) + w1 * mat4x4f(d5, d6, d7, d8)
          + w2 * mat4x4f(d4, d5, d6, d7);
        v2 += w0 * mat4x4f(d10, d11, d12, d13) + w1 * mat4x4f(d9, d10, d11, d12)
          + w2 * mat4x4f(d8, d9, d10, d11);
        v3 += w0 * mat4x4f(d14, d15, d16, d17) + w1 * mat4x4f(d13, d14, d15, d16)
          + w2 * mat4x4f(d12, d13, d14, d15);
      }
    }
  }

  store(n, h, column, ci, v0);
  store(n, h, column + 4 * S, ci, v1);
  store(n, h, column + 8 * S, ci, v2);
  store(n, h, column + 12 * S, ci, v3);
}

// 4 channels of a pixel, 0 outside the image
fn dy_at(line: u32, column: i32, k: u32) -> vec4f {
  let inside = column >= 0 && column < i32(Wo);
  return select(vec4f(), dy[(line + select(0, u32(column), inside)) * (Co / 4) + k], inside);
}

// weights of 4 output channels
fn w_four(at: u32, row: u32) -> vec4f {
  return vec4f(w[at], w[at + row], w[at + 2 * row], w[at + 3 * row]);
}

// up to 4 pixels
fn store(n: u32, h: u32, column: u32, ci: u32, sum: vec4f) {
  if column >= W { return; }
  let features = H * W * Ci;
  let stride = (features + 3) / 4 * 4;
  let step = S * Ci;
  let at = n * stride + (h * W + column) * Ci + ci;
  var v = sum;
  if BIAS { v += b[ci]; }
  v = activate(v, ACTIVATION);
  if SKIP { v += vec4f(skip[at], skip[at + step], skip[at + 2 * step], skip[at + 3 * step]); }
  if ACTIVATION_X != LINEAR {
    let made = vec4f(activated[at], activated[at + step], activated[at + 2 * step], activated[at + 3 * step]);
    v *= activation_derivative(made, ACTIVATION_X);
  }
  dx[at] = v.x;
  if column + S < W { dx[at + step] = v.y; }
  if column + 2 * S < W { dx[at + 2 * step] = v.z; }
  if column + 3 * S < W { dx[at + 3 * step] = v.w; }
  if h + 1 == H && column + 4 * S >= W && column % S == (W - 1) % S && ci + 1 == Ci {
    for (var i = features; i < stride; i++) { dx[n * stride + i] = 0; }
  }
}

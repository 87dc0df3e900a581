// conv_forward_row: y = (act(b + x ⋆ w) + skip) · act'(activated)
//
//   Σ[n,ho,wo,co] = Σ_{kh,kw,ci} x[n, ho·S + kh − PAD_TOP, wo·S + kw − PAD_LEFT, ci] · w[co,kh,kw,ci]
//
//   x (B, H, W, Ci)   w (Co, Kh, Kw, Ci)   b (Co)   y, skip, activated (B, Ho, Wo, Co)
//   conv_forward for few output channels; Ci a multiple of 4. An image of y begins at a multiple of 4, its padding is
//   written 0.
//   One invocation owns 16 neighbouring pixels of one row and channel, y0 … y3; for three taps S apart it reads 18
//   pixels of x, also S apart; grid (Co, Ho·⌈Wo/16⌉, B)

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

@group(0) @binding(0) var<storage, read>       x: array<vec4f>;   // (B, H, W, Ci)
@group(0) @binding(1) var<storage, read>       w: array<vec4f>;   // (Co, Kh, Kw, Ci)
@group(0) @binding(2) var<storage, read>       b: array<f32>;   // (Co), if BIAS
@group(0) @binding(3) var<storage, read>       skip: array<f32>;   // (B, Ho, Wo, Co), if SKIP
@group(0) @binding(4) var<storage, read>       activated: array<f32>;   // (B, Ho, Wo, Co), if ACTIVATION_X
@group(0) @binding(5) var<storage, read_write> y: array<f32>;   // (B, Ho, Wo, Co)

@compute @workgroup_size(WG_X, WG_Y)
fn conv_forward_row(@builtin(global_invocation_id) id: vec3u) {
  let runs = (Wo + 15) / 16;
  let co = id.x;
  let ho = id.y / runs;
  let wo = id.y % runs * 16;
  let n = id.z;
  if co >= Co || ho >= Ho { return; }

  let ci4 = Ci / 4;
  let top = i32(ho * S) - i32(PAD_TOP);
  let left = i32(wo * S) - i32(PAD_LEFT);
  let kh = taps_inside(top, Kh, H);

  var y0 = vec4f(); var y1 = vec4f(); var y2 = vec4f(); var y3 = vec4f();
  for (var i = kh.x; i < kh.y; i++) {
    let line = (n * H + u32(top + i32(i))) * W;
    for (var phase = 0u; phase < min(S, Kw); phase++) {
      for (var j = phase; j < Kw; j += 3 * S) {
        let column = left + i32(j);
        let tap = ((co * Kh + i) * Kw + j) * ci4;
        for (var k = 0u; k < ci4; k++) {
          let w0 = w[tap + k];
          let w1 = select(vec4f(), w[tap + S * ci4 + k], j + S < Kw);
          let w2 = select(vec4f(), w[tap + 2 * S * ci4 + k], j + 2 * S < Kw);
          let x0 = x_at(line, column, k);
          let x1 = x_at(line, column + i32(S), k);
          let x2 = x_at(line, column + 2 * i32(S), k);
          let x3 = x_at(line, column + 3 * i32(S), k);
          let x4 = x_at(line, column + 4 * i32(S), k);
          let x5 = x_at(line, column + 5 * i32(S), k);
          let x6 = x_at(line, column + 6 * i32(S), k);
          let x7 = x_at(line, column + 7 * i32(S), k);
          let x8 = x_at(line, column + 8 * i32(S), k);
          let x9 = x_at(line, column + 9 * i32(S), k);
          let x10 = x_at(line, column + 10 * i32(S), k);
          let x11 = x_at(line, column + 11 * i32(S), k);
          let x12 = x_at(line, column + 12 * i32(S), k);
          let x13 = x_at(line, column + 13 * i32(S), k);
          let x14 = x_at(line, column + 14 * i32(S), k);
          let x15 = x_at(line, column + 15 * i32(S), k);
          let x16 = x_at(line, column + 16 * i32(S), k);
          let x17 = x_at(line, column + 17 * i32(S), k);
          y0 += w0 * mat4x4f(x0, x1, x2, x3) + w1 * mat4x4f(x1, x2, x3, x4)
            + w2 * mat4x4f(x2, x3, x4, x5);
          y1 += w0 * mat4x4f(x4, x5, x6, x7) + w1 * mat4x4f(x5, x6, x7, x8)
            + w2 * mat4x4f(x6, x7, x8, x9);
          y2 += w0 * mat4x4f(x8, x9, x10, x11) + w1 * mat4x4f(x9, x10, x11, x12)
            + w2 * mat4x4f(x10, x11, x12, x13);
          y3 += w0 * mat4x4f(x12, x13, x14, x15) + w1 * mat4x4f(x13, x14, x15, x16)
            + w2 * mat4x4f(x14, x15, x16, x17);
        }
      }
    }
  }

  store(n, ho, wo, co, y0);
  store(n, ho, wo + 4, co, y1);
  store(n, ho, wo + 8, co, y2);
  store(n, ho, wo + 12, co, y3);
}

// 4 channels of a pixel, 0 outside the image
fn x_at(line: u32, column: i32, k: u32) -> vec4f {
  let inside = column >= 0 && column < i32(W);
  return select(vec4f(), x[(line + select(0, u32(column), inside)) * (Ci / 4) + k], inside);
}

// up to 4 pixels
fn store(n: u32, ho: u32, wo: u32, co: u32, sum: vec4f) {
  if wo >= Wo { return; }
  let features = Ho * Wo * Co;
  let stride = (features + 3) / 4 * 4;
  let at = n * stride + (ho * Wo + wo) * Co + co;
  var v = sum;
  if BIAS { v += b[co]; }
  v = activate(v, ACTIVATION);
  if SKIP { v += vec4f(skip[at], skip[at + Co], skip[at + 2 * Co], skip[at + 3 * Co]); }
  if ACTIVATION_X != LINEAR {
    let made = vec4f(activated[at], activated[at + Co], activated[at + 2 * Co], activated[at + 3 * Co]);
    v *= activation_derivative(made, ACTIVATION_X);
  }
  y[at] = v.x;
  if wo + 1 < Wo { y[at + Co] = v.y; }
  if wo + 2 < Wo { y[at + 2 * Co] = v.z; }
  if wo + 3 < Wo { y[at + 3 * Co] = v.w; }
  if ho + 1 == Ho && wo + 4 >= Wo && co + 1 == Co {
    for (var i = features; i < stride; i++) { y[n * stride + i] = 0; }
  }
}

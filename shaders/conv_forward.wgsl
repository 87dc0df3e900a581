// conv_forward: y = (act(b + x ⋆ w) + skip) · act'(activated)
// uses: activation, conv, tile_block
//
//   Σ[n,ho,wo,co] = Σ_{kh,kw,ci} x[n, ho·S + kh − PAD_TOP, wo·S + kw − PAD_LEFT, ci] · w[co,kh,kw,ci]
//
//   x (B, H, W, Ci)   w (Co, Kh, Kw, Ci)   b (Co)   y, skip, activated (B, Ho, Wo, Co)
//   Ci and Co multiples of 4, B of 8; outside the image x is 0
//   The forward pass of a convolution (bias, activation, skip) or the input gradient of a transposed one (skip, act').
//   One invocation owns 8 images × 16 channels of one pixel of y, so that the taps outside the image are left out for
//   all at once; y00 … y13 are its 4 × 4 blocks, a column an image; grid (⌈Co/16⌉, Ho·Wo, B/8)

override WG_X: u32 = 4;
override WG_Y: u32 = 8;
override WIDE: bool;          // y has more than 8 channels
override BIAS: bool;          // b is added
override ACTIVATION: u32;     // act
override SKIP: bool;          // skip is added
override ACTIVATED: bool;     // times act'(activated)
override ACTIVATION_X: u32;   // the activation that made `activated`

struct Params {
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
  SLOPE: f32,                 // of act, if it is PIECEWISE_LINEAR
  SLOPE_X: f32,               // of the activation that made `activated`
}

@group(0) @binding(0) var<storage, read>       x: array<vec4f>;           // (B, H, W, Ci)
@group(0) @binding(1) var<storage, read>       w: array<vec4f>;           // (Co, Kh, Kw, Ci)
@group(0) @binding(2) var<storage, read>       b: array<vec4f>;           // (Co), if BIAS
@group(0) @binding(3) var<storage, read>       skip: array<vec4f>;        // (B, Ho, Wo, Co), if SKIP
@group(0) @binding(4) var<storage, read>       activated: array<vec4f>;   // (B, Ho, Wo, Co), if ACTIVATED
@group(0) @binding(5) var<storage, read_write> y: array<vec4f>;           // (B, Ho, Wo, Co)
@group(0) @binding(6) var<uniform>             params: Params;

@compute @workgroup_size(WG_X, WG_Y)
fn conv_forward(@builtin(global_invocation_id) id: vec3u) {
  let co = id.x * 16;
  let pixel = id.y;
  let n = id.z * 8;
  if co >= params.Co || pixel >= params.Ho * params.Wo { return; }

  let ci4 = params.Ci / 4;
  let image = params.H * params.W * ci4;
  let row = params.Kh * params.Kw * ci4;
  let top = i32(pixel / params.Wo * params.S) - i32(params.PAD_TOP);
  let left = i32(pixel % params.Wo * params.S) - i32(params.PAD_LEFT);
  let kh = taps_inside(top, params.Kh, params.H);
  let kw = taps_inside(left, params.Kw, params.W);
  let o0 = co * row;
  let o1 = min(co + 4, params.Co - 4) * row;      // quads of channels past the end repeat the last
  let o2 = min(co + 8, params.Co - 4) * row;
  let o3 = min(co + 12, params.Co - 4) * row;

  var y00 = mat4x4f(); var y01 = mat4x4f(); var y02 = mat4x4f(); var y03 = mat4x4f();
  var y10 = mat4x4f(); var y11 = mat4x4f(); var y12 = mat4x4f(); var y13 = mat4x4f();
  for (var i = kh.x; i < kh.y; i++) {
    var at = n * image + (u32(top + i32(i)) * params.W + u32(left + i32(kw.x))) * ci4;
    let end = (i * params.Kw + kw.y) * ci4;
    for (var k = (i * params.Kw + kw.x) * ci4; k < end; k++) {      // (kw, ci) together: contiguous in x and in w
      let x0 = x_rows(at, image);
      let x1 = x_rows(at + image * 4, image);
      let w0 = w_columns(o0 + k, row);
      y00 += w0 * x0;
      y10 += w0 * x1;
      let w1 = w_columns(o1 + k, row);
      y01 += w1 * x0;
      y11 += w1 * x1;
      if WIDE {
        let w2 = w_columns(o2 + k, row);
        y02 += w2 * x0;
        y12 += w2 * x1;
        let w3 = w_columns(o3 + k, row);
        y03 += w3 * x0;
        y13 += w3 * x1;
      }
      at++;
    }
  }

  for (var nth = 0u; nth < 8; nth++) {
    let first = co + nth / 2 * 4;
    if first < params.Co {
      store(n + nth % 2 * 4, pixel, first, tile_block(nth, y00, y10, y01, y11, y02, y12, y03, y13));
    }
  }
}

fn x_rows(i: u32, stride: u32) -> mat4x4f {
  return mat4x4f(x[i], x[i + stride], x[i + 2 * stride], x[i + 3 * stride]);
}

fn w_columns(i: u32, stride: u32) -> mat4x4f {
  return transpose(mat4x4f(w[i], w[i + stride], w[i + 2 * stride], w[i + 3 * stride]));
}

// 4 channels of 4 images; a column is an image
fn store(n: u32, pixel: u32, co: u32, v: mat4x4f) {
  let image = params.Ho * params.Wo * params.Co / 4;
  let at = n * image + (pixel * params.Co + co) / 4;
  let bias = bias_at(co / 4);
  y[at] = finish(v[0] + bias, at);
  y[at + image] = finish(v[1] + bias, at + image);
  y[at + image * 2] = finish(v[2] + bias, at + image * 2);
  y[at + image * 3] = finish(v[3] + bias, at + image * 3);
}

fn bias_at(i: u32) -> vec4f {
  if BIAS { return b[i]; }
  return vec4f();
}

fn finish(sum: vec4f, at: u32) -> vec4f {
  var v = activate(sum, ACTIVATION, params.SLOPE);
  if SKIP { v += skip[at]; }
  if ACTIVATED { v *= activation_derivative(activated[at], ACTIVATION_X, params.SLOPE_X); }
  return v;
}

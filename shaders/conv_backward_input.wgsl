// conv_backward_input: dx = (act(b + dy ⋆ᵀ w) + skip) · act'(activated), written (=)
// uses: activation, conv, tile_block
//
//   Σ[n,h,w,ci] = Σ_{kh,kw,co} dy[n,ho,wo,co] · w[co,kh,kw,ci]   over the taps through which an output reads the pixel:
//                 ho·S + kh − PAD_TOP = h and wo·S + kw − PAD_LEFT = w
//
//   dy (B, Ho, Wo, Co)   w (Co, Kh, Kw, Ci)   b (Ci)   dx, skip, activated (B, H, W, Ci)
//   Ci and Co multiples of 4, B of 8
//   The input gradient of a convolution (skip, act') or the forward pass of a transposed one (bias, activation, skip).
//   One invocation owns 8 images × 16 channels of one pixel of dx: the same taps reach all of them; v00 … v13 are its
//   4 × 4 blocks, a column an image; grid (⌈Ci/16⌉, H·W, B/8)

override WG_X: u32 = 4;
override WG_Y: u32 = 8;
override WIDE: bool;          // dx has more than 8 channels
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

@group(0) @binding(0) var<storage, read>       dy: array<vec4f>;          // (B, Ho, Wo, Co)
@group(0) @binding(1) var<storage, read>       w: array<vec4f>;           // (Co, Kh, Kw, Ci)
@group(0) @binding(2) var<storage, read>       b: array<vec4f>;           // (Ci), if BIAS
@group(0) @binding(3) var<storage, read>       skip: array<vec4f>;        // (B, H, W, Ci), if SKIP
@group(0) @binding(4) var<storage, read>       activated: array<vec4f>;   // (B, H, W, Ci), if ACTIVATED
@group(0) @binding(5) var<storage, read_write> dx: array<vec4f>;          // (B, H, W, Ci)
@group(0) @binding(6) var<uniform>             params: Params;

@compute @workgroup_size(WG_X, WG_Y)
fn conv_backward_input(@builtin(global_invocation_id) id: vec3u) {
  let ci = id.x * 16;
  let pixel = id.y;
  let n = id.z * 8;
  if ci >= params.Ci || pixel >= params.H * params.W { return; }

  let ci4 = params.Ci / 4;
  let co4 = params.Co / 4;
  let image = params.Ho * params.Wo * co4;
  let row = params.Kh * params.Kw * ci4;
  let bottom = pixel / params.W + params.PAD_TOP;        // kh + ho · S
  let right = pixel % params.W + params.PAD_LEFT;        // kw + wo · S
  let kh = taps_reaching(bottom, params.Kh, params.Ho, params.S);
  let kw = taps_reaching(right, params.Kw, params.Wo, params.S);
  let i0 = ci / 4;
  let i1 = min(i0 + 1, ci4 - 1);           // quads of channels past the end repeat the last
  let i2 = min(i0 + 2, ci4 - 1);
  let i3 = min(i0 + 3, ci4 - 1);

  var v00 = mat4x4f(); var v01 = mat4x4f(); var v02 = mat4x4f(); var v03 = mat4x4f();
  var v10 = mat4x4f(); var v11 = mat4x4f(); var v12 = mat4x4f(); var v13 = mat4x4f();
  for (var i = kh.x; i < kh.y; i += params.S) {
    for (var j = kw.x; j < kw.y; j += params.S) {
      let at = n * image + ((bottom - i) / params.S * params.Wo + (right - j) / params.S) * co4;
      var tap = (i * params.Kw + j) * ci4;
      for (var k = 0u; k < co4; k++) {
        let d0 = dy_rows(at + k, image);
        let d1 = dy_rows(at + k + image * 4, image);
        let w0 = w_rows(tap + i0, row);
        v00 += w0 * d0;
        v10 += w0 * d1;
        let w1 = w_rows(tap + i1, row);
        v01 += w1 * d0;
        v11 += w1 * d1;
        if WIDE {
          let w2 = w_rows(tap + i2, row);
          v02 += w2 * d0;
          v12 += w2 * d1;
          let w3 = w_rows(tap + i3, row);
          v03 += w3 * d0;
          v13 += w3 * d1;
        }
        tap += 4 * row;
      }
    }
  }

  for (var nth = 0u; nth < 8; nth++) {
    let first = ci + nth / 2 * 4;
    if first < params.Ci {
      store(n + nth % 2 * 4, pixel, first, tile_block(nth, v00, v10, v01, v11, v02, v12, v03, v13));
    }
  }
}

fn dy_rows(i: u32, stride: u32) -> mat4x4f {
  return mat4x4f(dy[i], dy[i + stride], dy[i + 2 * stride], dy[i + 3 * stride]);
}

fn w_rows(i: u32, stride: u32) -> mat4x4f {
  return mat4x4f(w[i], w[i + stride], w[i + 2 * stride], w[i + 3 * stride]);
}

// 4 channels of 4 images; a column is an image
fn store(n: u32, pixel: u32, ci: u32, v: mat4x4f) {
  let image = params.H * params.W * params.Ci / 4;
  let at = n * image + (pixel * params.Ci + ci) / 4;
  let bias = bias_at(ci / 4);
  dx[at] = finish(v[0] + bias, at);
  dx[at + image] = finish(v[1] + bias, at + image);
  dx[at + image * 2] = finish(v[2] + bias, at + image * 2);
  dx[at + image * 3] = finish(v[3] + bias, at + image * 3);
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

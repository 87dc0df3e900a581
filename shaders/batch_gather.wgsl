// batch_gather: a step's images out of the data set, bytes to floats
// uses: step, streams, threefry
//
//   x[n,i] = images[order[cursor + n], i] / 255        0 for n ≥ batch
//   with FLOATS the set's values are floats and taken as they are
//
//   FLIP mirrors every image left to right with probability ½. BINARIZE 1 draws every pixel anew, 1 with the
//   probability of its grey value, 0 else; BINARIZE 2 makes it 1 from ½ on.
//   images (COUNT, P4(N)) bytes or floats   order (set's size)   x (B, P4(N))
//   one invocation per vec4 of x; grid (P4(N)/4, B, 1)
//
// A set larger than one binding lies in several buffers: each is gathered by a dispatch of its own.

override WG_X: u32 = 64;
override N: u32;            // pixels × channels of an image
override W: u32;            // pixels of a row
override C: u32;            // channels
override B: u32;            // rows of x
override FIRST: u32;        // this buffer's first image
override COUNT: u32;        // images in this buffer
override FLOATS: bool;
override FLIP: bool;
override BINARIZE: u32;     // 0 no, 1 sample, 2 threshold

override N4: u32 = (N + 3) / 4;

@group(0) @binding(0) var<storage, read>       images: array<u32>;
@group(0) @binding(1) var<storage, read>       order: array<u32>;
@group(0) @binding(2) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(3) var<uniform>             step: Step;

@compute @workgroup_size(WG_X)
fn batch_gather(@builtin(global_invocation_id) id: vec3u) {
  let q = id.x;
  let n = id.y;
  if (q >= N4 || n >= B) { return; }
  if (n >= step.batch) {
    x[n * N4 + q] = vec4f(0);
    return;
  }
  let image = order[step.cursor + n] - FIRST;   // wraps to a huge number below FIRST
  if (image >= COUNT) { return; }
  var value = values_at(image * N4 + q);
  if (FLIP) {
    let bits = threefry2x32(stream_key(step.seed, FLIP_STREAM), vec2u(step.row + n, step.counter));
    if ((bits.x & 1) == 1) { value = mirrored(image, 4 * q); }
  }
  if (BINARIZE == 1) {
    let key = stream_key(step.seed, BINARIZE_STREAM);
    let pair = 2 * ((step.row + n) * N4 + q);
    let bits = vec4u(threefry2x32(key, vec2u(pair, step.counter)), threefry2x32(key, vec2u(pair + 1, step.counter)));
    let uniform_value = vec4f(bits >> vec4u(8)) * 0x1p-24;
    value = select(vec4f(0), vec4f(1), uniform_value < value);
  } else if (BINARIZE == 2) {
    value = select(vec4f(0), vec4f(1), value >= vec4f(0.5));
  }
  x[n * N4 + q] = value;
}

// vector number i of the set
fn values_at(i: u32) -> vec4f {
  if (FLOATS) {
    return bitcast<vec4f>(vec4u(images[4 * i], images[4 * i + 1], images[4 * i + 2], images[4 * i + 3]));
  }
  return vec4f((vec4u(images[i]) >> vec4u(0, 8, 16, 24)) & vec4u(255)) / 255;
}

// four values of the image from place i on, each row read from right to left; 0 past the end
fn mirrored(image: u32, i: u32) -> vec4f {
  let first = vec2f(mirrored_value(image, i), mirrored_value(image, i + 1));
  return vec4f(first, mirrored_value(image, i + 2), mirrored_value(image, i + 3));
}

fn mirrored_value(image: u32, i: u32) -> f32 {
  if (i >= N) { return 0; }
  let row = i / (W * C) * (W * C);
  let at = image * 4 * N4 + row + (W - 1 - (i - row) / C) * C + i % C;
  if (FLOATS) { return bitcast<f32>(images[at]); }
  return f32((images[at / 4] >> (at % 4 * 8)) & 255) / 255;
}

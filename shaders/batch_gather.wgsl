// batch_gather: a step's images out of the data set, bytes to floats
//
//   x[n,i] = images[order[cursor + n], i] / 255        0 for n ≥ batch
//
//   images (COUNT, N) bytes, an image padded to whole words   order (set's size)   x (B, P4(N))
//   one invocation per vec4 of x; grid (P4(N)/4, B, 1)
//
// A set larger than one binding lies in several buffers: each is gathered by a dispatch of its own.

override WG_X: u32 = 64;
override N: u32;            // pixels × channels of an image
override B: u32;            // rows of x
override FIRST: u32;        // this buffer's first image
override COUNT: u32;        // images in this buffer

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
  let word = images[image * N4 + q];
  let bytes = (vec4u(word) >> vec4u(0, 8, 16, 24)) & vec4u(255);
  x[n * N4 + q] = vec4f(bytes) / 255;
}

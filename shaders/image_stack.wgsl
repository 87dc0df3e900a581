// image_stack: what a discriminator judges in one pass, decoded images and behind them the data's
// uses: lane_mask, pixel_mean
//
//   s = [mean(y); x]
//
//   y (2·B, P4(N)): the decoder's output for z, then for draws of the prior   x (B, P4(N))   s (3·B, P4(N))
//   padding lanes are 0
//   one invocation per vec4 of s; grid (P4(N)/4, 3·B, 1)

override WG_X: u32 = 64;
override B: u32;            // rows of x
override N: u32;            // pixels × channels of an image
override MEAN: u32;         // what an output stands for

override N4: u32 = (N + 3) / 4;

@group(0) @binding(0) var<storage, read>       y: array<vec4f>;
@group(0) @binding(1) var<storage, read>       x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> s: array<vec4f>;

@compute @workgroup_size(WG_X)
fn image_stack(@builtin(global_invocation_id) id: vec3u) {
  let q = id.x;
  let n = id.y;
  if (q >= N4 || n >= 3 * B) { return; }
  if (n < 2 * B) {
    s[n * N4 + q] = lane_mask(q, N) * pixel_mean(y[n * N4 + q], MEAN);
  } else {
    s[n * N4 + q] = x[(n - 2 * B) * N4 + q];
  }
}

// prior_forward: draws of the prior behind those of the posterior, so that the decoder takes both in one pass
// uses: lane_mask, row_sum, step, streams, threefry
//
//   y = [z; p]      p[n] ~ N(0, 1); with SPHERE divided by its length, which is uniform on the unit sphere
//
//   z, prior (B, P4(Z))   y (2·B, P4(Z))
//   one workgroup a row of y; grid (LANES, 2·B, 1)
//
// With DRAW p is drawn here from the step's stream; without it p is `prior`, taken as it is.

override B: u32;            // rows of z
override Z: u32;            // latent size
override DRAW: bool;
override SPHERE: bool;

override Z4: u32 = (Z + 3) / 4;

var<workgroup> scale: f32;

@group(0) @binding(0) var<storage, read>       z: array<vec4f>;
@group(0) @binding(1) var<storage, read>       prior: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform>             step: Step;

@compute @workgroup_size(LANES)
fn prior_forward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = group.y;
  let is_prior = n >= B;
  var square = vec4f(0);
  for (var q = lane; q < Z4; q += LANES) {
    var value: vec4f;
    if (!is_prior) {
      value = z[n * Z4 + q];
    } else if (DRAW) {
      let quad = (n - B + step.noise_row) * Z4 + q;
      value = lane_mask(q, Z) * normal_quad(stream_key(step.seed, PRIOR_STREAM), quad, step.counter);
    } else {
      value = prior[(n - B) * Z4 + q];
    }
    square += value * value;
    y[n * Z4 + q] = value;
  }
  if (!SPHERE || !DRAW) { return; }
  let length_square = row_sum(square.x + square.y + square.z + square.w, lane);
  if (lane == 0) { scale = select(1, inverseSqrt(max(length_square, 1e-30)), is_prior); }
  workgroupBarrier();
  for (var q = lane; q < Z4; q += LANES) { y[n * Z4 + q] *= scale; }
}

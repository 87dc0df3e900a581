// vmf_backward: the gradients by the heads' output of a von Mises-Fisher point and its KL divergence; see vmf_forward
// uses: quad_sum, row_sum, step
//
//   with a = dz·μ, b = dz·v and p what is left of dz across both, s = √(1−ω²), γ = noise·μ, r = |noise − γμ|
//     dmean = ((ωb − sa) v + (ω − γs/r) p) / |mean|
//     dκ    = dy/dκ · (s²a − ωsb) + klWeight/batch · dkl/dκ        at fixed noise (implicit reparameterisation)
//     the concentration's output gets dκ · sigmoid(output)
//   summed over an image's SAMPLES rows; with IMPORTANCE, the importance-weighted bound, dkl/dκ is that of the sample's
//   log q(z|x) − log p(z) and times the row's weight, which dz holds already
//
//   dz (B · SAMPLES, P4(SIZE))   noise (B · SAMPLES, P4(SIZE+1)): u, then normals   weights (B · SAMPLES)
//   saved (B · SAMPLES, 8): ω, s, dy/dκ, dkl/dκ, γ, 1/r, 1/|mean|, sigmoid(output)
//   head, dhead (B, P4(SIZE) + 4 if LEARNED): a row is mean, then the concentration's output
//   one workgroup an image; grid (LANES, B, 1)

override LEARNED: bool;      // the concentration is an output
override IMPORTANCE: bool;

struct Params {
  SAMPLES: u32,              // 1 without IMPORTANCE
  SIZE: u32,                 // dimensions of the space
}

@group(0) @binding(0) var<storage, read>       dz: array<f32>;
@group(0) @binding(1) var<storage, read>       head: array<f32>;
@group(0) @binding(2) var<storage, read>       noise: array<f32>;
@group(0) @binding(3) var<storage, read>       saved: array<vec4f>;
@group(0) @binding(4) var<storage, read>       weights: array<f32>;    // if IMPORTANCE
@group(0) @binding(5) var<storage, read_write> dhead: array<f32>;
@group(0) @binding(6) var<uniform>             params: Params;
@group(0) @binding(7) var<uniform>             step: Step;

@compute @workgroup_size(LANES)
fn vmf_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = group.y;
  let stride = (params.SIZE + 3) / 4 * 4;
  let at = n * (stride + select(0u, 4u, LEARNED));
  for (var j = lane; j < stride; j += LANES) { dhead[at + j] = 0; }
  var dconcentration = 0.0;
  let rows = select(0, params.SAMPLES, n < step.batch);
  for (var row = n * params.SAMPLES; row < n * params.SAMPLES + rows; row++) {
    let normals = row * ((params.SIZE + 4) / 4 * 4) + 1;
    let omega = saved[2 * row].x;
    let sine = saved[2 * row].y;
    let along = saved[2 * row + 1].x;
    let inverse_across = saved[2 * row + 1].y;
    let inverse_length = saved[2 * row + 1].z;
    var products = vec4f();
    for (var j = lane; j < params.SIZE; j += LANES) {
      let mean = head[at + j] * inverse_length;
      let across = (noise[normals + j] - along * mean) * inverse_across;
      products += dz[row * stride + j] * vec4f(mean, across, 0, 0);
    }
    let sums = quad_sum(products, lane);
    let a = sums.x;
    let b = sums.y;
    let turn = (omega * b - sine * a) * inverse_length;
    let bend = (omega - along * sine * inverse_across) * inverse_length;
    for (var j = lane; j < params.SIZE; j += LANES) {
      let mean = head[at + j] * inverse_length;
      let across = (noise[normals + j] - along * mean) * inverse_across;
      dhead[at + j] += turn * across + bend * (dz[row * stride + j] - a * mean - b * across);
    }
    let weight = step.kl_weight * step.scale * select(1, weights[row], IMPORTANCE);
    let dkappa = saved[2 * row].z * sine * (sine * a - omega * b) + weight * saved[2 * row].w;
    dconcentration += dkappa * saved[2 * row + 1].w;
  }
  if (LEARNED && lane == 0) {
    dhead[at + stride] = dconcentration;
    for (var j = 1u; j < 4; j++) { dhead[at + stride + j] = 0; }
  }
}

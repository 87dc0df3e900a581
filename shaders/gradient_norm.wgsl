// gradient_norm: the squares of all gradients, for clipping by their global norm and to see that all are finite
// uses: finite, row_sum, step
//
//   partials[k] = Σ g²  over the values of workgroup k, in a fixed order
//
//   gradients (N): the flat arena   partials (64)
//   64 workgroups, each a contiguous share; grid (LANES, 64, 1)

override N4: u32;            // vec4s in the arena

override SHARE: u32 = (N4 + 63) / 64;

@group(0) @binding(0) var<storage, read>       gradients: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> partials: array<f32>;
@group(0) @binding(2) var<storage, read_write> status: atomic<u32>;   // failure(slot) of the first not finite
@group(0) @binding(3) var<uniform>             step: Step;

@compute @workgroup_size(LANES)
fn gradient_norm(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let end = min((group.y + 1) * SHARE, N4);
  var sum = vec4f(0);
  for (var i = group.y * SHARE + lane; i < end; i += LANES) { sum += gradients[i] * gradients[i]; }
  let total = row_sum(sum.x + sum.y + sum.z + sum.w, lane);
  if (lane == 0) {
    partials[group.y] = total;
    if (!is_finite(total)) { atomicMax(&status, failure(step.slot)); }
  }
}

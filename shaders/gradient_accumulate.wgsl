// gradient_accumulate: adds a slice's gradients to those of the slices before it
// uses: step
//
//   sum = gradients          for the batch's first slice
//   sum = sum + gradients    for the others
//
//   gradients, sum (N): one flat arena each
//   one invocation per vec4, striding over the grid; grid (N/4, 1, 1) or less

override WG_X: u32 = 64;
override N4: u32;            // vec4s in the arena

@group(0) @binding(0) var<storage, read>       gradients: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> sum: array<vec4f>;
@group(0) @binding(2) var<uniform>             step: Step;

@compute @workgroup_size(WG_X)
fn gradient_accumulate(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < N4; i += groups.x * WG_X) {
    sum[i] = select(sum[i], vec4f(0), step.row == 0) + gradients[i];
  }
}

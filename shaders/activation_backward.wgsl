// activation_backward: the gradient before an activation, where no other kernel can take the derivative along
//
//   dx = dy · act'(y)
//
//   y, dy, dx (B, P4(N))
//   one invocation per vec4, striding over the grid; grid (B·P4(N)/4, 1, 1) or less

override WG_X: u32 = 64;
override COUNT: u32;         // vec4s
override ACTIVATION: u32;    // the one that made y
override SLOPE: f32;         // its slope, if it is PIECEWISE_LINEAR

@group(0) @binding(0) var<storage, read>       dy: array<vec4f>;
@group(0) @binding(1) var<storage, read>       y: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;

@compute @workgroup_size(WG_X)
fn activation_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < COUNT; i += groups.x * WG_X) {
    dx[i] = dy[i] * activation_derivative(y[i], ACTIVATION, SLOPE);
  }
}

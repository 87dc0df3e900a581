// activation_backward: the gradient before an activation, where no other kernel can take the derivative along
// uses: activation
//
//   dx = dy · act'(y), written (=) or with ADD added to (+=)
//
//   y is the activation's output, or for SILU its input, since its output does not give its derivative
//   y, dy, dx (B, P4(N))
//   one invocation per vec4, striding over the grid; grid (B·P4(N)/4, 1, 1) or less

override WG_X: u32 = 64;
override COUNT: u32;         // vec4s
override ACTIVATION: u32;    // the one that made y
override SLOPE: f32;         // its slope, if it is PIECEWISE_LINEAR
override ADD: bool;          // dx holds the gradients from other readers

@group(0) @binding(0) var<storage, read>       dy: array<vec4f>;
@group(0) @binding(1) var<storage, read>       y: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;

@compute @workgroup_size(WG_X)
fn activation_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < COUNT; i += groups.x * WG_X) {
    var total = dy[i];
    if (ACTIVATION == SILU) {
      total *= silu_derivative(y[i]);
    } else {
      total *= activation_derivative(y[i], ACTIVATION, SLOPE);
    }
    if (ADD) { total += dx[i]; }
    dx[i] = total;
  }
}

// σ(v) + v · σ(v) · σ(−v)
fn silu_derivative(v: vec4f) -> vec4f {
  let small = exp(-abs(v));
  let large = 1 / (1 + small);
  let above = v >= vec4f(0);
  let sigmoid = select(small * large, large, above);
  return sigmoid * (1 + v * select(large, small * large, above));
}

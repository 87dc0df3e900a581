// residual_add: the two ends of a residual, y = x + f(x) and its gradient
// uses: activation
//
//   y = act(a + b) · act'(x)       forward: a = x, b = f(x); backward: a and b are what two readers of x send it
//
//   a, b, x, y (B, P4(N))
//   one invocation per vec4, striding over the grid; grid (B·P4(N)/4, 1, 1) or less

override WG_X: u32 = 64;
override COUNT: u32;         // vec4s
override ACTIVATION: u32 = 0;    // of the sum
override SLOPE: f32 = 1;         // its slope, if it is PIECEWISE_LINEAR
override ACTIVATION_X: u32 = 0;  // of the layer that made x
override SLOPE_X: f32 = 1;       // its slope, if it is PIECEWISE_LINEAR

@group(0) @binding(0) var<storage, read>       a: array<vec4f>;
@group(0) @binding(1) var<storage, read>       b: array<vec4f>;
@group(0) @binding(2) var<storage, read>       x: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(WG_X)
fn residual_add(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < COUNT; i += groups.x * WG_X) {
    y[i] = activate(a[i] + b[i], ACTIVATION, SLOPE) * activation_derivative(x[i], ACTIVATION_X, SLOPE_X);
  }
}

// class_backward_input: the gradient of class_forward's x
//
//   dx[n,o] = Σ_k dy[n·K+k, o]
//
//   dx (B, P4(O))   dy (B·K, P4(O)), before the activation
//   one invocation per vec4 of dx; grid (P4(O)/4, B, 1)

override WG_X: u32 = 64;
override B: u32;
override K: u32;             // classes
override O: u32;             // outputs

override O4: u32 = (O + 3) / 4;

@group(0) @binding(0) var<storage, read>       dy: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> dx: array<vec4f>;

@compute @workgroup_size(WG_X)
fn class_backward_input(@builtin(global_invocation_id) id: vec3u) {
  let q = id.x;
  let n = id.y;
  if (q >= O4 || n >= B) { return; }
  var sum = vec4f(0);
  for (var row = n * K; row < (n + 1) * K; row++) { sum += dy[row * O4 + q]; }
  dx[n * O4 + q] = sum;
}

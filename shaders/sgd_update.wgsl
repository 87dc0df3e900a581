// sgd_update: stochastic gradient descent with momentum over the whole arena, as PyTorch defines it
// uses: clip, step
//
//   m = momentum·m + g      p = p − rate · m
//
//   g is the gradient, scaled down where its global norm is above CLIP
//   p, g, m (N): one flat arena each; m is left alone at momentum 0
//   one invocation per vec4, striding over the grid; grid (N/4, 1, 1) or less
//
// Nothing is updated once `status` is set: a step with a loss or gradient that is not finite leaves everything as it was.

override WG_X: u32 = 64;
override N4: u32;            // vec4s in the arena
override CLIP: f32;          // largest global norm of the gradients; 0 does not clip
override MOMENTUM: f32;

@group(0) @binding(0) var<storage, read>       gradients: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(3) var<storage, read>       status: u32;
@group(0) @binding(4) var<storage, read>       norm_partials: array<f32>;    // of gradient_norm, where CLIP is not 0
@group(0) @binding(5) var<uniform>             step: Step;

@compute @workgroup_size(WG_X)
fn sgd_update(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  if (status != 0) { return; }
  var factor = 1.0;
  if (CLIP > 0) {
    var square_norm = 0.0;
    for (var i = 0u; i < NORM_PARTIALS; i++) { square_norm += norm_partials[i]; }
    factor = clip_factor(square_norm, CLIP);
  }
  for (var i = id.x; i < N4; i += groups.x * WG_X) {
    let g = factor * gradients[i];
    var change = g;
    if (MOMENTUM > 0) {
      change += MOMENTUM * m[i];
      m[i] = change;
    }
    parameters[i] -= step.rate * change;
  }
}

// optimizer_update: one update of every parameter, over the whole arena, as PyTorch defines it
// uses: clip, step
//
//   ADAM      m = β1·m + (1−β1)·g      v = β2·v + (1−β2)·g²      p = keep · p − rate · m / (√v · root_scale + ε)
//             rate = lr / (1−β1ᵗ), root_scale = 1 / √(1−β2ᵗ) (Kingma & Ba 2015); keep = 1 − lr · decay: decoupled
//             weight decay (AdamW, Loshchilov & Hutter 2019), 1 without
//   RMSPROP   v = β2·v + (1−β2)·g²     m = β1·m + g / (√v + ε)   p = p − rate · m      (Tieleman & Hinton 2012)
//   SGD       m = β1·m + g                                       p = p − rate · m
//
//   g is the gradient, scaled down where its global norm is above CLIP; p, g, m, v (N): one flat arena each
//   RMSPROP and SGD leave m alone at β1 = 0, SGD leaves v alone
//   one invocation per vec4, striding over the grid; grid (N/4, 1, 1) or less
//
// Nothing is updated once `status` is set: a step with a loss or gradient that is not finite leaves everything as it was.

const ADAM = 0u;
const RMSPROP = 1u;
const SGD = 2u;

override WG_X: u32 = 64;
override N4: u32;            // vec4s in the arena
override CLIP: f32;          // largest global norm of the gradients; 0 does not clip
override RULE: u32;
override BETA1: f32;         // of the first moment; the momentum of RMSPROP and SGD
override ONE_MINUS_BETA1: f32;
override BETA2: f32;         // of the mean of squares; PyTorch calls RMSprop's alpha
override ONE_MINUS_BETA2: f32;
override EPSILON: f32;       // outside the root

@group(0) @binding(0) var<storage, read>       gradients: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(4) var<storage, read>       status: u32;
@group(0) @binding(5) var<storage, read>       norm_partials: array<f32>;    // of gradient_norm, where CLIP is not 0
@group(0) @binding(6) var<uniform>             step: Step;

@compute @workgroup_size(WG_X)
fn optimizer_update(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  if (status != 0) { return; }
  var factor = 1.0;
  if (CLIP > 0) {
    var square_norm = 0.0;
    for (var i = 0u; i < NORM_PARTIALS; i++) { square_norm += norm_partials[i]; }
    factor = clip_factor(square_norm, CLIP);
  }
  for (var i = id.x; i < N4; i += groups.x * WG_X) {
    let g = factor * gradients[i];
    var square: vec4f;
    if (RULE != SGD) {
      square = BETA2 * v[i] + ONE_MINUS_BETA2 * g * g;
      v[i] = square;
    }
    if (RULE == ADAM) {
      let mean = BETA1 * m[i] + ONE_MINUS_BETA1 * g;
      m[i] = mean;
      parameters[i] = step.keep * parameters[i] - step.rate * mean / (sqrt(square) * step.root_scale + EPSILON);
    } else {
      var change = g;
      if (RULE == RMSPROP) { change = g / (sqrt(square) + EPSILON); }
      if (BETA1 > 0) {
        change += BETA1 * m[i];
        m[i] = change;
      }
      parameters[i] -= step.rate * change;
    }
  }
}

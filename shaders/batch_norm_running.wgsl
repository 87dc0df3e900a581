// batch_norm_running: the running statistics of all batch normalisations, moved by those of a step
//
//   running = (1 − MOMENTUM) · running + MOMENTUM · batch[u]      for u = USE_0, USE_1, USE_2, MOMENTUM = 0.1
//
//   running (N): mean, then variance, of one layer after another   batch (3, N): the statistics of every use alike
//   use USE_k moves vec4s FIRST_k … END_k − 1; those that a layer lacks do not hold it
//   one invocation per vec4, striding over the grid; grid (N/4, 1, 1) or less
//
// Nothing moves once `status` is set: a step with a loss or gradient that is not finite leaves everything as it was.

override WG_X: u32 = 64;

struct Params {
  N4: u32,                  // vec4s of running
  USE_0: u32,
  FIRST_0: u32,
  END_0: u32,
  USE_1: u32,
  FIRST_1: u32,
  END_1: u32,
  USE_2: u32,
  FIRST_2: u32,
  END_2: u32,
}

const MOMENTUM = 0.1;

@group(0) @binding(0) var<storage, read>       batch: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> running: array<vec4f>;
@group(0) @binding(2) var<storage, read>       status: u32;
@group(0) @binding(3) var<uniform>             params: Params;

@compute @workgroup_size(WG_X)
fn batch_norm_running(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  if (status != 0) { return; }
  for (var i = id.x; i < params.N4; i += groups.x * WG_X) {
    var value = running[i];
    if (i >= params.FIRST_0 && i < params.END_0) { value = moved(value, batch[params.USE_0 * params.N4 + i]); }
    if (i >= params.FIRST_1 && i < params.END_1) { value = moved(value, batch[params.USE_1 * params.N4 + i]); }
    if (i >= params.FIRST_2 && i < params.END_2) { value = moved(value, batch[params.USE_2 * params.N4 + i]); }
    running[i] = value;
  }
}

fn moved(value: vec4f, seen: vec4f) -> vec4f {
  return (1 - MOMENTUM) * value + MOMENTUM * seen;
}

// conv_reduce: dw = Σ_s parts_w[s], db = Σ_s parts_b[s], written (=) or with ACCUMULATE added to (+=)
//
//   parts_w (SPLITS, NW)   parts_b (SPLITS, NB)   dw (NW)   db (NB)
//   Adds the slices of conv_backward_weight in their order, four sums side by side.
//   One invocation owns one element of dw or, after these, of db; grid (NW + NB, 1, 1)

override WG_X: u32 = 64;
override ACCUMULATE: bool;    // dw and db are added to

struct Params {
  NW: u32,                    // elements of dw
  NB: u32,                    // elements of db
  SPLITS: u32,                // slices of parts_w and parts_b
}

@group(0) @binding(0) var<storage, read>       parts_w: array<f32>;   // (SPLITS, NW)
@group(0) @binding(1) var<storage, read>       parts_b: array<f32>;   // (SPLITS, NB)
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;        // (NW)
@group(0) @binding(3) var<storage, read_write> db: array<f32>;        // (NB)
@group(0) @binding(4) var<uniform>             params: Params;

@compute @workgroup_size(WG_X)
fn conv_reduce(@builtin(global_invocation_id) id: vec3u) {
  if id.x < params.NW {
    var sum = vec4f();
    for (var s = 0u; s < params.SPLITS; s += 4) {
      let at = s * params.NW + id.x;
      let next = vec4f(parts_w[at], parts_w[at + params.NW], parts_w[at + 2 * params.NW], parts_w[at + 3 * params.NW]);
      sum += select(vec4f(), next, s + vec4u(0, 1, 2, 3) < vec4u(params.SPLITS));
    }
    var total = dot(sum, vec4f(1));
    if ACCUMULATE { total += dw[id.x]; }
    dw[id.x] = total;
  } else if id.x < params.NW + params.NB {
    var sum = 0.0;
    for (var s = 0u; s < params.SPLITS; s++) { sum += parts_b[s * params.NB + id.x - params.NW]; }
    if ACCUMULATE { sum += db[id.x - params.NW]; }
    db[id.x - params.NW] = sum;
  }
}

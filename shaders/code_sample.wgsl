// code_sample: draws the code of one position of every image
// uses: step, threefry
//
//   codes[n,p] = the first k with Σ_{j≤k} q_j > u · Σ_j q_j,   q_j = exp(scale · l[n,p,j]),   p = step.cursor
//   u is number (noise_row + n, p) of the step's stream; scale is 1 / temperature
//
//   l (B, P4(P·K)) logits   codes (B, P4(P))
//   one invocation an image; grid (B, 1, 1)

override WG_X: u32 = 64;
override B: u32;
override P: u32;            // positions of an image
override K: u32;            // codes

override STRIDE: u32 = (P * K + 3) / 4 * 4;

@group(0) @binding(0) var<storage, read>       l: array<f32>;
@group(0) @binding(1) var<storage, read_write> codes: array<u32>;
@group(0) @binding(2) var<uniform>             step: Step;

@compute @workgroup_size(WG_X)
fn code_sample(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  if (n >= B) { return; }
  let p = step.cursor;
  let first = n * STRIDE + p * K;
  var code = 0u;             // the likeliest, where rounding leaves the sum below what is drawn
  for (var k = 1u; k < K; k++) { code = select(code, k, l[first + k] > l[first + code]); }
  let largest = l[first + code];
  var total = 0.0;
  for (var k = 0u; k < K; k++) { total += exp(step.scale * (l[first + k] - largest)); }
  let bits = threefry2x32(step.seed, vec2u(step.noise_row + n, p));
  let drawn = uniform_from_bits(bits.x) * total;
  var sum = 0.0;
  for (var k = 0u; k < K; k++) {
    sum += exp(step.scale * (l[first + k] - largest));
    if (sum > drawn) {
      code = k;
      break;
    }
  }
  codes[n * ((P + 3) / 4 * 4) + p] = code;
}

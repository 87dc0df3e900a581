// vmf_forward: a point of the unit sphere from a von Mises-Fisher distribution, and its KL divergence from the uniform
// uses: finite, lane_mask, quad_sum, row_sum, step, threefry, von_mises_fisher
//
//   z[n] = ω μ + √(1−ω²) v       μ = mean / |mean|, v along the part of noise[n,1…] across μ, both of length 1
//   κ    = 1 + softplus(head's last output), or CONCENTRATION where it is not LEARNED
//   ω    = the quantile at noise[n,0] of the density ∝ exp(κω) (1−ω²)^((SIZE−3)/2)      Davidson et al. 2018
//   losses_kl[n] = κA + ln C + ln area, A the mean of ω
//                  with SAMPLED κω + ln C + ln area, which is log q(z|x) − log p(z)
//
//   head (B / SAMPLES, P4(SIZE) + 4 if LEARNED): a row is mean, then the concentration's output   z (B, P4(SIZE))
//   noise (B, P4(SIZE+1)): u, then normals   saved (B, 8): for vmf_backward, see there
//   losses (ring slots, 2, B): reconstruction, then KL, of every row
//   one workgroup a row; grid (LANES, B, 1)
//
// Everything about ω comes from one quadrature of its density, 32 panels of four Gauss points; see the library. With a
// the place's slope, ω = T + (1 − T²) a, X = 1 − E_uniform[exp(−M φ)] and c = ½ M · −ln(1 − T²) − ln(1 − X), the
// divergence is c + M T · E[a], the sample's c + M T · a. The quantile is found in its panel by four Newton steps, and
// at fixed u dy/dκ = −(1 − T²) ∫ (a − E[a]) density up to it / density there.
//
// With DRAW the noise is drawn here from the step's stream and left in `noise` for the backward pass.

override LEARNED: bool;
override DRAW: bool;         // draw the noise rather than read it
override SAMPLED: bool;      // the sample's log q(z|x) − log p(z) in place of its mean, the KL divergence
override MEAN: bool;         // z is μ, whatever the noise

struct Params {
  B: u32,
  SAMPLES: u32,              // rows an image
  SIZE: u32,                 // dimensions of the space, 3 or more
  CONCENTRATION: f32,        // unless LEARNED
  REACH: f32,                // half the window in r, at most 1
  UNIFORM_MASS: f32,         // ∫ exp(−M ψ) dy
}

const PANELS = 32u;
const GAUSS_NODES = vec4f(0.069431844, 0.33000948, 0.66999052, 0.93056816);
const GAUSS_WEIGHTS = vec4f(0.17392742, 0.32607258, 0.32607258, 0.17392742);
const RADAU_NODES = vec4f(0.088587960, 0.40946686, 0.78765946, 1);       // the last at the end itself
const RADAU_WEIGHTS = vec4f(0.22046221, 0.38819347, 0.32884432, 0.0625);

@group(0) @binding(0) var<storage, read>       head: array<f32>;
@group(0) @binding(1) var<storage, read_write> noise: array<f32>;
@group(0) @binding(2) var<storage, read_write> z: array<f32>;
@group(0) @binding(3) var<storage, read_write> saved: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> losses: array<f32>;
@group(0) @binding(5) var<storage, read_write> status: atomic<u32>;   // failure(slot) of the first row not finite
@group(0) @binding(6) var<uniform>             params: Params;
@group(0) @binding(7) var<uniform>             step: Step;

var<workgroup> panels: array<vec2f, PANELS>;   // mass, and ∫ a density, from the near end on

@compute @workgroup_size(LANES)
fn vmf_forward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = group.y;
  let stride = (params.SIZE + 3) / 4 * 4;
  let means = n / params.SAMPLES * (stride + select(0u, 4u, LEARNED));
  let u_at = n * ((params.SIZE + 4) / 4 * 4);
  if (DRAW) {
    draw_noise(n, lane);
    storageBarrier();        // lanes read what others drew
  }
  let u = clamp(noise[u_at], 1e-30, 1 - 0x1p-24);
  var output = 0.0;
  var kappa = params.CONCENTRATION;
  if (LEARNED) {
    output = head[means + stride];
    kappa = 1 + max(output, 0) + log(1 + exp(-abs(output)));
  }

  // lengths, and the whole density
  let marginal = marginal_of(kappa, u <= 0.5);
  let width = 2 * params.REACH / f32(PANELS);
  var first = vec4f();       // |mean|², noise · mean, mass, X times the uniform mass
  var second = vec4f();      // |noise across μ|², ∫ a density, ∫ a² density
  for (var j = lane; j < params.SIZE; j += LANES) {
    let mean = head[means + j];
    first += vec4f(mean * mean, noise[u_at + 1 + j] * mean, 0, 0);
  }
  for (var k = lane; k < PANELS; k += LANES) {
    let place = marginal_at(f32(k) * width + width * GAUSS_NODES, marginal);
    let weights = width * GAUSS_WEIGHTS * place.stretch;
    let mass = weights * place.density;
    panels[k] = vec2f(dot(mass, vec4f(1)), dot(mass, place.slope));
    first += vec4f(0, 0, panels[k].x, dot(weights * place.uniform_density, place.deficit));
    second += vec4f(0, panels[k].y, dot(mass * place.slope, place.slope), 0);
  }
  let whole = quad_sum(first, lane);
  let inverse_length = inverseSqrt(max(whole.x, 1e-24));
  let along = whole.y * inverse_length;
  for (var j = lane; j < params.SIZE; j += LANES) {
    let across = noise[u_at + 1 + j] - along * inverse_length * head[means + j];
    second.x += across * across;
  }
  let moments = quad_sum(second, lane) / vec4f(1, whole.z, whole.z, 1);
  let inverse_across = inverseSqrt(max(moments.x, 1e-24));

  // the quantile
  let found = quantile(select(1 - u, u, marginal.from_below) * whole.z, moments.y, width, marginal);
  let omega = select(1 - found.above, found.below - 1, found.below < found.above);
  let sine = sqrt(found.below * found.above);
  for (var j = lane; j < stride; j += LANES) {
    let mean = head[means + j] * inverse_length;
    let across = (noise[u_at + 1 + min(j, params.SIZE - 1)] - along * mean) * inverse_across;
    let point = select(omega * mean + sine * across, mean, MEAN);
    z[n * stride + j] = select(0, point, j < params.SIZE);
  }
  if (lane > 0) { return; }

  let M = f32(params.SIZE - 1);
  let square = marginal.mode * marginal.mode;
  let spread = select(-log(marginal.one_minus_square), minus_log_one_minus(min(square, 0.5)), square < 0.5);
  let base = 0.5 * M * spread + minus_log_one_minus(whole.w / params.UNIFORM_MASS);
  let kl = base + M * marginal.mode * select(moments.y, found.slope, SAMPLED);
  let variance = moments.z - moments.y * moments.y;                              // of a
  var kl_slope = M * marginal.mode * marginal.one_minus_square * variance;                    // κ · variance of ω
  if (SAMPLED) {
    kl_slope = marginal.one_minus_square * (found.slope - moments.y) + kappa * sine * sine * found.y_by_kappa;
  }
  losses[(step.slot * 2 + 1) * params.B + n] = kl;
  let is_sound = is_finite(kl) && is_finite(output) && is_finite(whole.x);       // exp and max may hide a NaN
  if (n < step.batch * params.SAMPLES && !is_sound) { atomicMax(&status, failure(step.slot)); }
  saved[2 * n] = vec4f(omega, sine, found.y_by_kappa, kl_slope);
  saved[2 * n + 1] = vec4f(along, inverse_across, inverse_length, 1 / (1 + exp(-output)));
}

// The number of u is 2³¹ and up, where no pair of normals has one; the normal in its place is not used.
fn draw_noise(n: u32, lane: u32) {
  let row = n + step.noise_row * params.SAMPLES;
  let width4 = (params.SIZE + 4) / 4;
  for (var q = lane; q < width4; q += LANES) {
    let drawn = normal_quad(step.seed, row * width4 + q, step.counter) * lane_mask(q, params.SIZE + 1);
    let at = 4 * (n * width4 + q);
    noise[at] = drawn.x;
    noise[at + 1] = drawn.y;
    noise[at + 2] = drawn.z;
    noise[at + 3] = drawn.w;
    if (q == 0) { noise[at] = uniform_inside(threefry2x32(step.seed, vec2u(0x80000000u | row, step.counter)).x); }
  }
}

struct Found {
  below: f32,               // 1 + ω
  above: f32,               // 1 − ω
  slope: f32,               // a
  y_by_kappa: f32,
}

// the place up to which, from the near end, lies that mass; `mean` is E[a]
fn quantile(mass: f32, mean: f32, width: f32, marginal: Marginal) -> Found {
  var before = 0.0;
  var moment = 0.0;         // ∫ (a − E[a]) density before the panel
  var k = 0u;
  for (; k < PANELS - 1; k++) {
    if (before + panels[k].x >= mass) { break; }
    before += panels[k].x;
    moment += panels[k].y - mean * panels[k].x;
  }
  let start = f32(k) * width;
  let after = before + panels[k].x;
  // The mass grows nearly exponentially, and from the very end as a power.
  var guess = (start + width) * exp(log(mass / after) / f32(params.SIZE - 1));
  if (before > 0) { guess = start + width * log(mass / before) / log(after / before); }
  var inside = clamp(guess - start, 1e-6 * width, width);
  var place = marginal_at(start + inside * RADAU_NODES, marginal);
  for (var i = 0; i < 4; i++) {
    let density = place.density * place.stretch;
    let excess = before + inside * dot(RADAU_WEIGHTS, density) - mass;
    inside = clamp(inside - excess / density.w, 1e-6 * width, width);
    place = marginal_at(start + inside * RADAU_NODES, marginal);
  }
  let density = place.density * place.stretch;
  moment += inside * dot(RADAU_WEIGHTS * density, place.slope - mean);
  return Found(
    place.below.w,
    place.above.w,
    place.slope.w,
    select(1.0, -1.0, marginal.from_below) * marginal.one_minus_square * moment / place.density.w,
  );
}

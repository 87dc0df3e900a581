// von_mises_fisher: the component ω of a von Mises-Fisher point along its mean direction
// expects: params.SIZE, params.REACH
//
//   ω has the density exp(κω) (1 − ω²)^((SIZE−3)/2) up to a factor. With y = atanh ω, M = SIZE − 1 and y₀ the mode of
//   the density in y, whose tanh is T, let w = tanh(y − y₀), so that ω = (T + w) / (1 + T w). Then
//
//     density in y = exp(−M (φ(T w) + ψ)) · its value at the mode      φ(q) = ln(1 + q) − q/(1 + q),  ψ = −½ ln(1 − w²)
//
//   neither of which is ever negative, and κ is gone: no large numbers cancel, whatever κ is. With w = 2r/(1 + r²) the
//   range −1 < r < 1 is finite, the density smooth in it, and thinner than exp(−2 M r²); what lies beyond REACH is left
//   out. A point is given by its distance x from the window's near end, the one that u is nearer to, so that tails keep
//   their digits: 1 + r, 1 − r, 1 + w, 1 − w, 1 + ω and 1 − ω are products and quotients.

struct Marginal {
  mode: f32,                // T = 2κ / (M + √(M² + 4κ²))
  one_minus_mode: f32,
  one_minus_square: f32,    // 1 − T²
  from_below: bool,         // whether the near end is that of small ω
}

// at four points x
struct Place {
  below: vec4f,             // 1 + ω
  above: vec4f,             // 1 − ω
  slope: vec4f,             // a = w / (1 + T w): ω = T + (1 − T²) a
  density: vec4f,           // in y
  stretch: vec4f,           // dy/dx
  uniform_density: vec4f,   // in y, of the uniform distribution up to a factor: exp(−M ψ)
  deficit: vec4f,           // 1 − exp(−M φ), which is 1 − density / uniform_density
}

fn marginal_of(kappa: f32, from_below: bool) -> Marginal {
  let ratio = f32(params.SIZE - 1) / (2 * kappa);
  let mode = 1 / (ratio + sqrt(ratio * ratio + 1));
  let one_minus_square = 2 * ratio * mode;
  return Marginal(mode, one_minus_square / (1 + mode), one_minus_square, from_below);
}

fn marginal_at(x: vec4f, marginal: Marginal) -> Place {
  let M = f32(params.SIZE - 1);
  let near = 1 - params.REACH + x;
  let far = 2 - near;
  let r = select(1 - near, near - 1, marginal.from_below);
  let one_plus_r = select(far, near, marginal.from_below);
  let one_minus_r = select(near, far, marginal.from_below);
  let scale = 1 / (1 + r * r);
  let w = 2 * r * scale;
  let one_plus_w = one_plus_r * one_plus_r * scale;
  let one_minus_w = one_minus_r * one_minus_r * scale;
  let p = marginal.one_minus_mode + marginal.mode * one_plus_w;           // 1 + T w
  let cost = -M * phi(marginal.mode * w, p);
  let uniform_density = exp(-M * psi(r * r, near * far * scale));
  return Place(
    (1 + marginal.mode) * one_plus_w / p,
    marginal.one_minus_mode * one_minus_w / p,
    w / p,
    exp(cost) * uniform_density,
    2 / (near * far),
    uniform_density,
    one_minus_exp(cost),
  );
}

// ln(1 + q) − q/(1 + q) from q > −1 and p = 1 + q. With v = q/(2 + q) it is
// 2v²/(1 − v²) − 2v³ (2/3 + 4/5 v² + 6/7 v⁴ + …), which is short where |v| ≤ 1/3.
fn phi(q: vec4f, p: vec4f) -> vec4f {
  let v = max(q, vec4f(-0.5)) / (2 + max(q, vec4f(-0.5)));
  let s = v * v;
  let series = 0.66666667 + s * (0.8 + s * (0.85714286 + s * (0.88888889 + s * (0.90909091 + s * (0.92307692
    + s * (0.93333333 + s * (0.94117647 + s * 0.94736842)))))));
  let near = 2 * s / (1 - s) - 2 * v * s * series;
  return select(near, log(p) - 1 + 1 / p, q < vec4f(-0.5));
}

// −½ ln(1 − w²) = ln((1 + r²)/(1 − r²)) from r² and (1 − r²)/(1 + r²)
fn psi(square: vec4f, quotient: vec4f) -> vec4f {
  return select(-log(quotient), 2 * atanh_near(min(square, vec4f(0.33333333))), square < vec4f(0.33333333));
}

// atanh(v) of |v| ≤ 1/3
fn atanh_near(v: vec4f) -> vec4f {
  let s = v * v;
  return v * (1 + s * (0.33333333 + s * (0.2 + s * (0.14285714 + s * (0.11111111 + s * (0.09090909 + s * (0.07692308
    + s * (0.06666667 + s * 0.05882353))))))));
}

// −ln(1 − v) of 0 ≤ v ≤ ½
fn minus_log_one_minus(v: f32) -> f32 {
  return 2 * atanh_near(vec4f(v / (2 - v))).x;
}

// 1 − exp(v) of v ≤ 0
fn one_minus_exp(v: vec4f) -> vec4f {
  let near = -v * (1 + v * (0.5 + v * (0.16666667 + v * (0.041666667 + v * (0.0083333333 + v * (0.0013888889
    + v * 0.00019841270))))));
  return select(near, 1 - exp(v), v < vec4f(-0.5));
}

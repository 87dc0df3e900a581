// activation: the activations, and their derivatives taken from the output value
//
// The code is an override wherever these are called, so that the other branches fold away at compilation. The piecewise
// linear ones differ by the slope below 0 alone, and share a code, so that they can share a pipeline.

const PIECEWISE_LINEAR = 0u;   // max(v, slope · v): linear (slope 1), relu (0), leaky-relu (0.2)
const TANH = 1u;
const SIGMOID = 2u;
const SOFTPLUS = 3u;           // ln(1 + exp(v))
const ELU = 4u;                // v above 0, exp(v) − 1 below
const SILU = 5u;               // v · sigmoid(v), only in activation_forward and activation_backward

fn activate(v: vec4f, activation: u32, slope: f32) -> vec4f {
  switch activation {
    case TANH: { return tanh(clamp(v, vec4f(-15), vec4f(15))); }   // some drivers overflow in exp(2v) beyond
    case SIGMOID: { return 1 / (1 + exp(-clamp(v, vec4f(-80), vec4f(80)))); }
    case SOFTPLUS: { return softplus(v); }
    case ELU: { return select(exp_minus_one(min(v, vec4f(0))), v, v > vec4f(0)); }
    default: { return max(v, slope * v); }
  }
}

// dy/dv as a function of y = activate(v)
fn activation_derivative(y: vec4f, activation: u32, slope: f32) -> vec4f {
  switch activation {
    case TANH: { return 1 - y * y; }
    case SIGMOID: { return y * (1 - y); }
    case SOFTPLUS: { return -exp_minus_one(-y); }
    case ELU: { return select(y + 1, vec4f(1), y > vec4f(0)); }
    default: { return select(vec4f(slope), vec4f(1), y > vec4f(0)); }
  }
}

// max(v, 0) + ln(1 + t), t = exp(−|v|). WGSL bounds the error of log near 1 in absolute terms only; the series of
// ln(1 + t) = 2 artanh(t / (2 + t)) keeps the digits of t where v is far below 0. Its next term is 2e-8 of the sum.
fn softplus(v: vec4f) -> vec4f {
  let t = exp(-abs(v));
  let s = t / (2 + t);
  let q = s * s;
  let high = 0.14285714 + q * (0.11111111 + q * (0.090909091 + q * 0.076923077));
  let series = 1 + q * (0.33333333 + q * (0.2 + q * high));
  return max(v, vec4f(0)) + 2 * s * series;
}

// exp(v) − 1 for v ≤ 0; where that would cancel its series, whose next term is 1e-8 of the sum at most
fn exp_minus_one(v: vec4f) -> vec4f {
  let near = max(v, vec4f(-0.5));
  let high = 0.0083333333 + near * (0.0013888889 + near * (0.00019841270 + near * 0.000024801587));
  let series = near * (1 + near * (0.5 + near * (0.16666667 + near * (0.041666667 + near * high))));
  return select(exp(v) - 1, series, v > vec4f(-0.5));
}

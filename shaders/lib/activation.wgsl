// activation: the five activations and their derivatives, taken from the output value.
// The code is an override wherever these are called, so the branches fold away at compilation.

const LINEAR = 0u;
const RELU = 1u;
const LEAKY_RELU = 2u;         // slope 0.2
const TANH = 3u;
const SIGMOID = 4u;

fn activate(v: vec4f, activation: u32) -> vec4f {
  switch activation {
    case RELU: { return max(v, vec4f(0)); }
    case LEAKY_RELU: { return select(0.2 * v, v, v > vec4f(0)); }
    case TANH: { return tanh(clamp(v, vec4f(-15), vec4f(15))); }   // some drivers overflow in exp(2v) beyond
    case SIGMOID: { return 1 / (1 + exp(-clamp(v, vec4f(-80), vec4f(80)))); }
    default: { return v; }
  }
}

// dy/dv as a function of y = activate(v)
fn activation_derivative(y: vec4f, activation: u32) -> vec4f {
  switch activation {
    case RELU: { return select(vec4f(0), vec4f(1), y > vec4f(0)); }
    case LEAKY_RELU: { return select(vec4f(0.2), vec4f(1), y > vec4f(0)); }
    case TANH: { return 1 - y * y; }
    case SIGMOID: { return y * (1 - y); }
    default: { return vec4f(1); }
  }
}

// activation: the activations and their derivatives, taken from the output value.
// The code is an override wherever these are called, so that the other branches fold away at compilation. Those made of
// two lines differ by the slope below 0 alone, and share a code, so that they can share a pipeline.

const PIECEWISE_LINEAR = 0u;   // max(v, slope · v): linear (slope 1), relu (0), leaky-relu (0.2)
const TANH = 1u;
const SIGMOID = 2u;

fn activate(v: vec4f, activation: u32, slope: f32) -> vec4f {
  switch activation {
    case TANH: { return tanh(clamp(v, vec4f(-15), vec4f(15))); }   // some drivers overflow in exp(2v) beyond
    case SIGMOID: { return 1 / (1 + exp(-clamp(v, vec4f(-80), vec4f(80)))); }
    default: { return max(v, slope * v); }
  }
}

// dy/dv as a function of y = activate(v)
fn activation_derivative(y: vec4f, activation: u32, slope: f32) -> vec4f {
  switch activation {
    case TANH: { return 1 - y * y; }
    case SIGMOID: { return y * (1 - y); }
    default: { return select(vec4f(slope), vec4f(1), y > vec4f(0)); }
  }
}

// pixel_mean: the image that a decoder's output stands for, the mean of its likelihood
// uses: activation, continuous_bernoulli
//
// The code is an override wherever these are called, so that the other branches fold away at compilation.

const OUTPUT_MEAN = 0u;            // the output itself
const SIGMOID_MEAN = 1u;
const CONTINUOUS_MEAN = 2u;        // of a continuous Bernoulli distribution

fn pixel_mean(l: vec4f, mean: u32) -> vec4f {
  switch mean {
    case SIGMOID_MEAN: { return activate(l, SIGMOID, 0); }
    case CONTINUOUS_MEAN: { return continuous_mean(l); }
    default: { return l; }
  }
}

fn pixel_mean_derivative(l: vec4f, mean: u32) -> vec4f {
  switch mean {
    case SIGMOID_MEAN: { return activation_derivative(activate(l, SIGMOID, 0), SIGMOID, 0); }
    case CONTINUOUS_MEAN: { return continuous_mean_derivative(l); }
    default: { return vec4f(1); }
  }
}

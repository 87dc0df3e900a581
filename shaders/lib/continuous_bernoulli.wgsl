// continuous_bernoulli: log-normaliser and mean of the continuous Bernoulli distribution with logit l

// A(l) = log((exp(l) − 1) / l); near 0 its series, whose next term is below 1e-8 there
fn continuous_log_normalizer(l: vec4f) -> vec4f {
  let size = max(abs(l), vec4f(0.5));
  let far = max(l, vec4f(0)) + log((1 - exp(-size)) / size);
  let square = l * l;
  let near = 0.5 * l + square * (0.041666667 - square * (0.00034722222 - square * 0.0000055114638));
  return select(far, near, abs(l) < vec4f(0.5));
}

// A'(l) = 1 / (1 − exp(−l)) − 1 / l; near 0 its series, whose next term is below 1e-8 there
fn continuous_mean(l: vec4f) -> vec4f {
  let size = max(abs(l), vec4f(0.5));
  let upper = 1 / (1 - exp(-size)) - 1 / size;
  let far = select(1 - upper, upper, l > vec4f(0));
  let square = l * l;
  let near = 0.5 + l * (0.083333333 - square * (0.0013888889 - square * (0.000033068783 - square * 0.00000082671958)));
  return select(far, near, abs(l) < vec4f(0.5));
}

// A''(l) = 1 / l² − 1 / (4 sinh²(l / 2)); near 0 its series, whose next term is below 1e-9 there
fn continuous_mean_derivative(l: vec4f) -> vec4f {
  let size = max(abs(l), vec4f(1));
  let small = exp(-size);
  let far = 1 / (size * size) - small / ((1 - small) * (1 - small));
  let s = l * l;
  let high = 0.00000018788956 - s * 0.0000000058126;
  let near = 0.083333333 - s * (0.0041666667 - s * (0.00016534392 - s * (0.0000057870370 - s * high)));
  return select(far, near, abs(l) < vec4f(1));
}

// continuous_bernoulli: the mean of the continuous Bernoulli distribution with logit l

// 1 / (1 − exp(−l)) − 1 / l; near 0 its series, whose next term is below 1e-8 there
fn continuous_bernoulli_mean_of(l: vec4f) -> vec4f {
  let size = max(abs(l), vec4f(0.5));
  let upper = 1 / (1 - exp(-size)) - 1 / size;
  let far = select(1 - upper, upper, l > vec4f(0));
  let square = l * l;
  let near = 0.5 + l * (0.083333333 - square * (0.0013888889 - square * (0.000033068783 - square * 0.00000082671958)));
  return select(far, near, abs(l) < vec4f(0.5));
}

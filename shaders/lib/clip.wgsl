// clip: the factor that keeps the gradients' global norm below a bound, from gradient_norm's partial sums

const NORM_PARTIALS = 64u;

// min(1, bound / (norm + 1e-6)), as PyTorch's clip_grad_norm_
fn clip_factor(square_norm: f32, bound: f32) -> f32 {
  return min(1, bound / (sqrt(square_norm) + 1e-6));
}

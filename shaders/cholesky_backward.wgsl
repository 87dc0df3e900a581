// cholesky_backward: the gradients of z = μ + L ε and of its KL divergence, together; see cholesky_forward
// uses: step
//
//   with c = klWeight/batch and g = dz
//     dmean   = g + c · mean
//     dL[j,k] = g[j] · noise[k] + c · L[j,k]
//   with IMPORTANCE those of the importance-weighted bound, whose −log w holds klWeight · (log q(z|x) − log p(z)):
//     g = dz + c · weights · z, dz holding its weight already, and sums over an image's SAMPLES rows
//     dmean   = Σ_s g[s]
//     dL[j,k] = Σ_s g[s,j] · noise[s,k]
//   doutput is dL below the diagonal, on it ½ (dL · L − c) either way: the output is 2 ln L, and the KL has −ln L
//
//   dz, noise, z (B · SAMPLES, P4(Z))   weights (B · SAMPLES)
//   head, dhead (B, P4(Z) + P4(Z(Z+1)/2)): a row is mean, then the lower triangle row by row
//   one invocation per value of dhead; grid (P4(Z) + P4(Z(Z+1)/2), B, 1)

override WG_X: u32 = 64;
override B: u32;            // images
override SAMPLES: u32;      // 1 without IMPORTANCE
override Z: u32;            // latent size
override IMPORTANCE: bool;

override STRIDE: u32 = (Z + 3) / 4 * 4;
override TRIANGLE: u32 = Z * (Z + 1) / 2;
override WIDTH: u32 = STRIDE + (TRIANGLE + 3) / 4 * 4;

@group(0) @binding(0) var<storage, read>       dz: array<f32>;
@group(0) @binding(1) var<storage, read>       head: array<f32>;
@group(0) @binding(2) var<storage, read>       noise: array<f32>;
@group(0) @binding(3) var<storage, read>       z: array<f32>;         // if IMPORTANCE
@group(0) @binding(4) var<storage, read>       weights: array<f32>;   // if IMPORTANCE
@group(0) @binding(5) var<storage, read_write> dhead: array<f32>;
@group(0) @binding(6) var<uniform>             step: Step;

@compute @workgroup_size(WG_X)
fn cholesky_backward(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  let n = id.y;
  if (i >= WIDTH || n >= B) { return; }
  let at = n * WIDTH + i;
  let c = step.kl_weight * step.scale;
  if (n >= step.batch) {
    dhead[at] = 0;
  } else if (i < STRIDE) {
    dhead[at] = mean_gradient(n, i, c * head[at], c);
  } else if (i - STRIDE < TRIANGLE) {
    dhead[at] = factor_gradient(n, i - STRIDE, head[at], c);
  } else {
    dhead[at] = 0;
  }
}

fn mean_gradient(n: u32, j: u32, own: f32, c: f32) -> f32 {
  if (!IMPORTANCE) { return dz[n * STRIDE + j] + own; }
  var sum = 0.0;
  for (var row = n * SAMPLES; row < (n + 1) * SAMPLES; row++) { sum += sample_gradient(row, j, c); }
  return sum;
}

// the gradient by output number t of the triangle, which is `output`
fn factor_gradient(n: u32, t: u32, output: f32, c: f32) -> f32 {
  let j = triangle_row(t);
  let k = t - j * (j + 1) / 2;
  let factor = select(output, exp(0.5 * output), j == k);
  var sum = 0.0;
  if (IMPORTANCE) {
    for (var row = n * SAMPLES; row < (n + 1) * SAMPLES; row++) {
      sum += sample_gradient(row, j, c) * noise[row * STRIDE + k];
    }
  } else {
    sum = dz[n * STRIDE + j] * noise[n * STRIDE + k] + c * factor;
  }
  return select(sum, 0.5 * (sum * factor - c), j == k);
}

fn sample_gradient(row: u32, j: u32, c: f32) -> f32 {
  return dz[row * STRIDE + j] + c * weights[row] * z[row * STRIDE + j];
}

// the row j of a triangle's value number t: the largest with j(j+1)/2 ≤ t. The root may be off by one.
fn triangle_row(t: u32) -> u32 {
  var j = u32(0.5 * sqrt(8 * f32(t) + 1) - 0.5);
  if (j * (j + 1) / 2 > t) { j--; }
  if ((j + 1) * (j + 2) / 2 <= t) { j++; }
  return j;
}

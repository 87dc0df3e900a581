// attention: the grid of Gaussian filters that DRAW reads and writes through (Gregor et al. 2015, equations 19 to 26)
// uses: quad_sum, row_sum
// expects: S, H, W, OUTPUTS, DFILTERS, saved
//
//   the five outputs (g̃_X, g̃_Y, ln σ², ln δ̃, ln γ) lie in a row of `saved` from OUTPUTS on
//   g_X = ½(W + 1)(g̃_X + 1), g_Y likewise with H       δ = (max(H, W) − 1)/(S − 1) · δ̃
//   μ_i = g + (i − S/2 − ½) δ                            i = 1 … S
//   F[i,a] = exp(−(a − μ_i)²/2σ²) / (Σ_a + 1e-8)         a = 1 … W or H
//
//   a row of `saved` begins with F_X (S, W), then F_Y (S, H); their gradients lie alike from DFILTERS on
//   a line is one row of a filter: lines 0 … S−1 are F_X, S … 2S−1 are F_Y

struct Line {
  first: u32,       // of the filter's row, in `saved`
  size: u32,
  place: f32,       // i − S/2 − ½
  center: f32,      // μ
}

fn attention_line(row: u32, line: u32) -> Line {
  let vertical = line >= S;
  let size = select(W, H, vertical);
  let i = line % S;
  let first = row + select(line * W, S * W + i * H, vertical);
  let place = f32(i) - 0.5 * f32(S) + 0.5;
  let center = 0.5 * f32(size + 1) * (saved[row + OUTPUTS + select(0u, 1u, vertical)] + 1);
  return Line(first, size, place, center + place * attention_stride(row));
}

// δ
fn attention_stride(row: u32) -> f32 {
  return f32(max(H, W) - 1) / f32(S - 1) * exp(saved[row + OUTPUTS + 3]);
}

// γ
fn attention_intensity(row: u32) -> f32 {
  return exp(saved[row + OUTPUTS + 4]);
}

// Writes the filters of a row. The caller waits with storageBarrier before and after.
fn attention_filters(row: u32, lane: u32) {
  let sharpness = exp(-saved[row + OUTPUTS + 2]);
  for (var l = lane; l < 2 * S; l += LANES) {
    let line = attention_line(row, l);
    var sum = 1e-8;
    for (var a = 0u; a < line.size; a++) {
      let distance = f32(a + 1) - line.center;
      let value = exp(-0.5 * sharpness * distance * distance);
      saved[line.first + a] = value;
      sum += value;
    }
    for (var a = 0u; a < line.size; a++) { saved[line.first + a] /= sum; }
  }
}

struct OutputGradient {
  place: vec4f,       // by g̃_X, g̃_Y, ln σ², ln δ̃
  intensity: f32,     // by ln γ
}

// The gradient by the five outputs, for every lane, from those of the filters: with D = Σ_a dF F for each line
//   dμ = Σ_a F (dF − D)(a − μ)/σ²       dln σ² = Σ_a F (dF − D)(a − μ)²/2σ²
// `dintensity` is this lane's share of the gradient by ln γ. The caller waits with storageBarrier before.
fn attention_backward(row: u32, lane: u32, dintensity: f32) -> OutputGradient {
  let sharpness = exp(-saved[row + OUTPUTS + 2]);
  let stride = attention_stride(row);
  var place = vec4f(0);
  for (var l = lane; l < 2 * S; l += LANES) {
    let line = attention_line(row, l);
    var mean = 0.0;
    for (var a = 0u; a < line.size; a++) { mean += saved[DFILTERS + line.first + a] * saved[line.first + a]; }
    var dcenter = 0.0;
    var dwidth = 0.0;
    for (var a = 0u; a < line.size; a++) {
      let distance = f32(a + 1) - line.center;
      let g = saved[line.first + a] * (saved[DFILTERS + line.first + a] - mean) * sharpness * distance;
      dcenter += g;
      dwidth += 0.5 * g * distance;
    }
    let along = dcenter * 0.5 * f32(line.size + 1);
    place += vec4f(select(along, 0, l >= S), select(0, along, l >= S), dwidth, dcenter * line.place * stride);
  }
  return OutputGradient(quad_sum(place, lane), quad_sum(vec4f(dintensity, 0, 0, 0), lane).x);
}

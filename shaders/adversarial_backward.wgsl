// adversarial_backward: where the objectives of encoder and decoder part (Larsen et al. 2016), at the decoder's output
// uses: activation, lane_mask, pixel_mean
//
//   ddecoder[n,i] = (WEIGHT · ds_similarity[n,i] − ds_adversarial[n,i]) · mean'(y) · act'(y)      n < B
//                   − ds_adversarial[n,i] · mean'(y) · act'(y)                                    n ≥ B
//   dencoder[n,i] = ds_similarity[n,i] · mean'(y) · act'(y)                                       n < B
//
//   y, ddecoder (2·B, P4(N)): of z, then of draws of the prior   ds_similarity, dencoder (B, P4(N))
//   ds_adversarial (3·B, P4(N)): gradients by images; what is behind the first 2·B rows is not read
//   one invocation per vec4 of y; grid (P4(N)/4, 2·B, 1)

override WG_X: u32 = 64;
override B: u32;
override N: u32;            // pixels × channels of an image
override MEAN: u32;         // what an output stands for
override WEIGHT: f32;       // of the similarity in the decoder's objective
override ACTIVATION_X: u32; // of the layer that made y
override SLOPE_X: f32;      // its slope, if it is PIECEWISE_LINEAR

override N4: u32 = (N + 3) / 4;

@group(0) @binding(0) var<storage, read>       y: array<vec4f>;
@group(0) @binding(1) var<storage, read>       ds_similarity: array<vec4f>;
@group(0) @binding(2) var<storage, read>       ds_adversarial: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> ddecoder: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dencoder: array<vec4f>;

@compute @workgroup_size(WG_X)
fn adversarial_backward(@builtin(global_invocation_id) id: vec3u) {
  let q = id.x;
  let n = id.y;
  if (q >= N4 || n >= 2 * B) { return; }
  let at = n * N4 + q;
  let output = y[at];
  let factor = pixel_mean_derivative(output, MEAN) * activation_derivative(output, ACTIVATION_X, SLOPE_X);
  let mask = lane_mask(q, N);
  var g = -ds_adversarial[at];
  if (n < B) {
    let similarity = ds_similarity[at];
    g += WEIGHT * similarity;
    dencoder[at] = mask * factor * similarity;
  }
  ddecoder[at] = mask * factor * g;
}

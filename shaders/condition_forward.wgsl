// condition_forward: appends a one-hot label to every pixel of an image, or to a vector, which is one pixel
//
//   y[n,p,c] = x[n / REPEAT,p,c]                    c < C
//   y[n,p,c] = 1 if c − C = label of n      C ≤ c < C + K, else 0
//
//   the label of row n is labels[(n mod ROWS) / SAMPLES]; with LABELS 1 its class out of every one, n mod K; with 2
//   it has none
//   x (B / REPEAT, P4(P·C))   y (B, P4(P·(C+K)))   labels (ROWS / SAMPLES) as words
//   one invocation per value of y, padding included; grid (P4(P·(C+K)), B, 1)

override WG_X: u32 = 64;
override B: u32;
override SAMPLES: u32;      // rows an image: row n of a batch is one of image n / SAMPLES
override ROWS: u32;         // of a batch: stacked ones have the same labels
override REPEAT: u32;       // rows of y per row of x
override LABELS: u32;       // 0 the image's, 1 every class, 2 none
override P: u32;            // pixels; 1 for a vector
override C: u32;            // channels of x
override K: u32;            // classes

override WIDTH: u32 = P * (C + K);
override STRIDE_X: u32 = (P * C + 3) / 4 * 4;
override STRIDE_Y: u32 = (WIDTH + 3) / 4 * 4;

@group(0) @binding(0) var<storage, read>       x: array<f32>;
@group(0) @binding(1) var<storage, read>       labels: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG_X)
fn condition_forward(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  let n = id.y;
  if (i >= STRIDE_Y || n >= B) { return; }
  let c = i % (C + K);
  var value = 0.0;
  if (i < WIDTH && c < C) {
    value = x[n / REPEAT * STRIDE_X + i / (C + K) * C + c];
  } else if (i < WIDTH && c - C == label_of(n)) {
    value = 1;
  }
  y[n * STRIDE_Y + i] = value;
}

fn label_of(n: u32) -> u32 {
  if (LABELS == 0) { return labels[n % ROWS / SAMPLES]; }
  if (LABELS == 1) { return n % K; }
  return K;
}

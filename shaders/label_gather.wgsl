// label_gather: a step's labels out of the data set
// uses: step
//
//   y[n] = labels[order[cursor + n]]          0 for n ≥ batch
//
//   labels: one byte an image, in order   order (set's size)   y (B) as words
//   one invocation per label; grid (B, 1, 1)

override WG_X: u32 = 64;
override B: u32;            // rows of y

@group(0) @binding(0) var<storage, read>       labels: array<u32>;
@group(0) @binding(1) var<storage, read>       order: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(0) @binding(3) var<uniform>             step: Step;

@compute @workgroup_size(WG_X)
fn label_gather(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  if (n >= B) { return; }
  if (n >= step.batch) {
    y[n] = 0;
    return;
  }
  let image = order[step.cursor + n];
  y[n] = (labels[image / 4] >> (image % 4 * 8)) & 255;
}

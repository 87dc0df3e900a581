// step: what changes from one training step to the next; one slice of the shared uniform, chosen by dynamic offset

struct Step {
  batch: u32,        // images of this step or slice; rows beyond are padding and take no part in losses and gradients
  slot: u32,         // where in the ring this step's losses go
  cursor: u32,       // first entry of `order` that this step reads
  row: u32,          // the first image's place in its batch: not 0 for the later slices of a batch too large for one
  noise_row: u32,    // its place in the noise stream: the same, after the rows of earlier samples of the batch
  counter: u32,      // position in the noise stream
  seed: vec2u,       // key of the noise stream
  scale: f32,        // 1 / images that the loss averages over
  kl_weight: f32,
  rate: f32,         // learning rate; Adam's is divided by 1 - beta1^t
  root_scale: f32,   // Adam: 1 / sqrt(1 - beta2^t); the others: 1
  keep: f32,         // share of a parameter that weight decay leaves, 1 without
}

// What `status` becomes where something is not finite: the largest comes from the first slot, and that one stays.
fn failure(slot: u32) -> u32 {
  return 256 - slot;
}

// batch_norm: where the channels of a batch-normalised tensor lie
// expects: params.P, params.C
//
//   A row is P pixels of C channels, channels fastest, padded to whole vec4s; statistics (2, P4(C)) are mean, variance.
//   The channels of a pixel are whole vec4s where C is a multiple of 4 or P is 1: WHOLE.

const BATCH_NORM_EPSILON = 1e-5;

// 1 / √(biased variance + ε) from the unbiased variance of `count` values
fn inverse_deviation(unbiased: vec4f, count: u32) -> vec4f {
  let most = max(count, 1);
  return inverseSqrt(unbiased * (f32(most - 1) / f32(most)) + BATCH_NORM_EPSILON);
}

// the channels of values 4e … 4e+3 of a row
fn channels_at(e: u32) -> vec4u {
  let first = 4 * e % params.C + vec4u(0, 1, 2, 3);
  return select(first % params.C, first, (params.C & 3) == 0);
}

// the first of values 4q … 4q+3 of channels at position i = row · P + pixel
fn first_channel_at(i: u32, q: u32) -> u32 {
  let row = i / params.P;
  return row * ((params.P * params.C + 3) / 4 * 4) + i % params.P * params.C + 4 * q;
}

// the places of four channels from `first` on, which are channels 4q … 4q+3; past the last one, that one again
fn places_from(first: u32, q: u32) -> vec4u {
  return first + min(vec4u(0, 1, 2, 3), vec4u(params.C - 1 - 4 * q));
}

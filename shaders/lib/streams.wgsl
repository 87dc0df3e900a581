// streams: keys of other random streams of the same seed, numbered as STREAMS in src/random.ts

const BINARIZE_STREAM = 7u;
const FLIP_STREAM = 10u;
const REVIVE_STREAM = 11u;
const PRIOR_STREAM = 12u;

fn stream_key(key: vec2u, stream: u32) -> vec2u {
  return vec2u(key.x, (key.y & 0xffffffu) | (stream << 24));
}

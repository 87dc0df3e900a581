// threefry: counter-based random numbers, the same function as src/random.ts
//
//   threefry2x32(key, counter)  20 rounds of Threefry-2x32 (Random123): two words, a pure function of its arguments
//   key = streamKey(seed, stream) of src/random.ts; counter = (index, position), as said there beside each stream

fn threefry2x32(key: vec2u, counter: vec2u) -> vec2u {
  let third = 0x1bd11bdau ^ key.x ^ key.y;
  var x = counter + key;
  x = threefry_rounds(x, vec4u(13, 15, 26, 6)) + vec2u(key.y, third + 1);
  x = threefry_rounds(x, vec4u(17, 29, 16, 24)) + vec2u(third, key.x + 2);
  x = threefry_rounds(x, vec4u(13, 15, 26, 6)) + vec2u(key.x, key.y + 3);
  x = threefry_rounds(x, vec4u(17, 29, 16, 24)) + vec2u(key.y, third + 4);
  x = threefry_rounds(x, vec4u(13, 15, 26, 6)) + vec2u(third, key.x + 5);
  return x;
}

// four rounds: add, rotate, exclusive or
fn threefry_rounds(start: vec2u, rotation: vec4u) -> vec2u {
  var x = start;
  x.x += x.y;
  x.y = ((x.y << rotation.x) | (x.y >> (32 - rotation.x))) ^ x.x;
  x.x += x.y;
  x.y = ((x.y << rotation.y) | (x.y >> (32 - rotation.y))) ^ x.x;
  x.x += x.y;
  x.y = ((x.y << rotation.z) | (x.y >> (32 - rotation.z))) ^ x.x;
  x.x += x.y;
  x.y = ((x.y << rotation.w) | (x.y >> (32 - rotation.w))) ^ x.x;
  return x;
}

// the upper 24 bits as a value in [0, 1), exact
fn uniform_from_bits(bits: u32) -> f32 {
  return f32(bits >> 8) * 0x1p-24;
}

// the upper 23 bits as a value in (0, 1), exact
fn uniform_inside(bits: u32) -> f32 {
  return (f32(bits >> 9) + 0.5) * 0x1p-23;
}

// two independent standard normal values (Box-Muller). The logarithm gets 1 - u in (0, 1]; near 1 it may err to above
// 0, hence the max. The angle is within ±π, where WGSL bounds the error of cos and sin.
fn normal_pair(bits: vec2u) -> vec2f {
  let radius = sqrt(max(-2 * log(1 - uniform_from_bits(bits.x)), 0));
  let angle = 6.2831853 * (uniform_from_bits(bits.y) - 0.5);
  return radius * vec2f(cos(angle), sin(angle));
}

// four independent standard normal values: number `quad` of the stream at its position `counter`
fn normal_quad(seed: vec2u, quad: u32, counter: u32) -> vec4f {
  let first = normal_pair(threefry2x32(seed, vec2u(2 * quad, counter)));
  let second = normal_pair(threefry2x32(seed, vec2u(2 * quad + 1, counter)));
  return vec4f(first, second);
}

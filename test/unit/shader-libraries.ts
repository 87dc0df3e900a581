import * as assert from 'uvu/assert'
import { librariesOf, parseShader, shaderViolations } from '../../src/tools/shader-libraries.mjs'
import { suite } from '../harness/suite.js'

const test = suite('shader libraries')

const sum = `// sum: adds two quads
// uses: mask
// expects: x, params.N

const HALF = 0.5;

fn sum_of(i: u32) -> vec4f {
  return HALF * (x[i] + mask_of(i, params.N));
}
`
const mask = `// mask: which lanes hold values
fn mask_of(q: u32, count: u32) -> vec4f { return vec4f(f32(q + count)); }
`
const kernel = `// scale: y = 2 Σ
// uses: sum

struct Params {
  N: u32,
}

@group(0) @binding(0) var<storage, read>       x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform>             params: Params;

@compute @workgroup_size(1)
fn scale(@builtin(global_invocation_id) id: vec3u) {
  y[id.x] = 2 * sum_of(id.x); // mask_of is not called here
}
`

interface Sources {
  kernel: string
  sum: string
  mask: string
}

/** Violations after one text is changed. */
function violations(change: Partial<Sources> = {}): string[] {
  const sources = { kernel, sum, mask, ...change }
  const libraries = [parseShader('shaders/lib/mask.wgsl', sources.mask), parseShader('shaders/lib/sum.wgsl', sources.sum)]
  return shaderViolations([parseShader('shaders/scale.wgsl', sources.kernel)], libraries)
}

test('what is named and mentioned alike has no violations', () => assert.equal(violations(), []))

test('libraries come once, with those that they use', () => {
  const libraries = [parseShader('shaders/lib/mask.wgsl', mask), parseShader('shaders/lib/sum.wgsl', sum)]
  const names = librariesOf(parseShader('shaders/scale.wgsl', kernel), libraries).map(({ name }) => name)
  assert.equal(names, ['sum', 'mask'])
})

test('code keeps its line numbers, without comments and indentation', () => {
  assert.is(parseShader('shaders/a.wgsl', '// a\n  let x = 1; // one\n\nfn b() {}\n').code, '\nlet x = 1;\n\nfn b() {}')
})

const cases: { what: string; change: Partial<Sources>; message: string }[] = [
  {
    what: 'a library that is mentioned but not named',
    change: { kernel: kernel.replace('// uses: sum\n', '//\n') },
    message: 'shaders/scale.wgsl:14: "sum_of" is in lib/sum, not named by "// uses:"',
  },
  {
    what: 'a library that is named but not mentioned',
    change: { kernel: kernel.replace('uses: sum', 'uses: sum, mask') },
    message: 'shaders/scale.wgsl:2: uses "mask", but mentions none of mask_of',
  },
  {
    what: 'a library that is not there',
    change: { kernel: kernel.replace('uses: sum', 'uses: sum, sums') },
    message: 'shaders/scale.wgsl:2: uses "sums", but shaders/lib/ has mask, sum',
  },
  {
    what: 'a library that another one mentions but does not name',
    change: { sum: sum.replace('// uses: mask\n', '') },
    message: 'shaders/lib/sum.wgsl:7: "mask_of" is in lib/mask, not named by "// uses:"',
  },
  {
    what: 'a binding that a library expects and the kernel lacks',
    change: { kernel: kernel.replace('read>       x:', 'read>       w:') },
    message: 'shaders/scale.wgsl:2: lib/sum expects "x", which the kernel lacks',
  },
  {
    what: 'a param that a library expects and the kernel lacks',
    change: { kernel: kernel.replace('N: u32', 'M: u32') },
    message: 'shaders/scale.wgsl:2: lib/sum expects "params.N", which the kernel lacks',
  },
  {
    what: 'a binding that a library mentions and does not expect',
    change: { sum: sum.replace('expects: x, ', 'expects: ') },
    message: 'shaders/lib/sum.wgsl:8: "x" is in shaders/scale.wgsl, not named by "// expects:"',
  },
  {
    what: 'a name that a library expects and does not mention',
    change: { sum: sum.replace('expects: x', 'expects: x, y') },
    message: 'shaders/lib/sum.wgsl:3: expects "y", which it does not mention',
  },
]

for (const { what, change, message } of cases) {
  test(`finds ${what}`, () => assert.equal(violations(change), [message]))
}

test('finds a library that no kernel uses', () => {
  const idle = parseShader('shaders/lib/idle.wgsl', 'fn idle() {}\n')
  assert.equal(shaderViolations([], [idle]), ['shaders/lib/idle.wgsl:1: no kernel uses it'])
})

test.run()

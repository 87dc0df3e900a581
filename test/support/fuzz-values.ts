import fc from 'fast-check'
import { FILLER, recipe, type Recipe } from './fuzz-check.js'

const LONG = FILLER.repeat(30_000)

/** Throws at whatever is done to it. */
function hostileProxy(target: object): unknown {
  const refuse = () => {
    throw new TypeError('a trap')
  }
  const traps = ['get', 'has', 'ownKeys', 'getPrototypeOf', 'getOwnPropertyDescriptor'] as const
  return new Proxy(target, Object.fromEntries(traps.map((trap) => [trap, refuse])))
}

/** Tells the check one thing and its user another. */
function fickle(first: unknown, then: unknown): unknown {
  let asked = 0
  return new Proxy({}, { get: () => (asked++ === 0 ? first : then), ownKeys: () => ['count'] })
}

function detached<T extends ArrayBufferView>(view: T): T {
  structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] })
  return view
}

function circular(): unknown {
  const value: Record<string, unknown> = {}
  return Object.assign(value, { self: value, layers: [value], after: value, type: 'residual' })
}

function nested(depth: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = wrap(value)
  return value
}

const NUMBERS = [
  0, -0, 1, 2, 3, 7, 8, 12, 29, 255, 256, 4096, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1,
  2 ** 53, 1e12, 1e300, -1, -(2 ** 31), 0.5, -0.5, 1.5, 1e-3, 1e-300, NaN, Infinity, -Infinity, Number.MIN_VALUE,
]

const STRINGS = ['', ' ', '0', '1', '3', 'NaN', 'null', 'same', 'learned', 'auto', 'adam', '__proto__', 'constructor', 'length']

// Made once, because they take a while; nobody writes to them.
const LONG_LIST = new Array(70_000).fill(0)
const DEEP_LIST = nested(20_000, (inner) => [inner])
const DEEP_LAYERS = nested(20_000, (inner) => [{ type: 'residual', layers: inner }])
const DEEP_SCHEDULE = nested(20_000, (after) => ({ type: 'warm-up', steps: 1, after }))

/** What nobody should pass, and what looks nearly right. */
const STRANGE: [text: string, make: () => unknown][] = [
  ['undefined', () => undefined],
  ['null', () => null],
  ['true', () => true],
  ['false', () => false],
  ['1n', () => 1n],
  ['a symbol', () => Symbol('s')],
  ['a function', () => () => {}],
  ['a class', () => class Foreign {}],
  ['[]', () => []],
  ['{}', () => ({})],
  ['[0]', () => [0]],
  ['[null]', () => [null]],
  ['a sparse array', () => new Array(2 ** 32 - 1)],
  ['an array of itself', () => { const list: unknown[] = []; list.push(list); return list }],
  ['an object without prototype', () => Object.create(null)],
  ['an object that cannot be a string', () => ({ toString: () => { throw new TypeError('no text') } })],
  ['an object that is a number', () => ({ valueOf: () => 3, toString: () => '3' })],
  ['an object of itself', circular],
  ['an object of a symbol', () => ({ [Symbol.toPrimitive]: () => Symbol('s') })],
  ['a getter that throws', () => Object.defineProperty({}, 'count', { enumerable: true, get: () => { throw new Error('a getter') } })],
  ['a date', () => new Date(0)],
  ['an invalid date', () => new Date(NaN)],
  ['a map', () => new Map()],
  ['a promise', () => Promise.resolve(1)],
  ['an error', () => new Error(LONG)],
  ['a regular expression', () => /x/],
  ['a URL', () => new URL('https://localhost')],
  ['an instance', () => new (class Foreign { count = 3 })()],
  ['an instance of a long name', () => Object.create({ constructor: { name: LONG } })],
  ['a hostile proxy of an object', () => hostileProxy({})],
  ['a hostile proxy of an array', () => hostileProxy([])],
  ['a hostile proxy of a typed array', () => hostileProxy(new Float32Array(12))],
  ['a proxy of a typed array', () => new Proxy(new Float32Array(12), {})],
  ['a revoked proxy', () => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy }],
  ['a fickle object', () => fickle(3, NaN)],
  ['a long text', () => LONG],
  ['a long list', () => LONG_LIST],
  ['a long key', () => ({ [LONG]: 1 })],
  ['a deep list', () => DEEP_LIST],
  ['deep layers', () => DEEP_LAYERS],
  ['a deep schedule', () => DEEP_SCHEDULE],
  ['own __proto__', () => JSON.parse('{"__proto__": {"count": 3}}')],
  ['no bytes', () => new Uint8Array(0)],
  ['bytes', () => new Uint8Array(12)],
  ['clamped bytes', () => new Uint8ClampedArray(12)],
  ['words', () => new Uint32Array(12)],
  ['12 floats', () => new Float32Array(12)],
  ['24 floats', () => new Float32Array(24).fill(0.5)],
  ['2 floats', () => new Float32Array(2)],
  ['floats that are not finite', () => Float32Array.of(...new Array<number>(11).fill(0), NaN)],
  ['doubles', () => new Float64Array(12)],
  ['big integers', () => new BigInt64Array(12)],
  ['a view of data', () => new DataView(new ArrayBuffer(12))],
  ['a buffer', () => new ArrayBuffer(48)],
  ['shared memory', () => new SharedArrayBuffer(48)],
  ['shared floats', () => new Float32Array(new SharedArrayBuffer(48))],
  ['floats whose memory is gone', () => detached(new Float32Array(12))],
  ['bytes whose memory is gone', () => detached(new Uint8Array(12))],
  ['a tensor', () => ({ shape: [1, 4, 3, 1], data: new Float32Array(12) })],
  ['a tensor of a sparse shape', () => ({ shape: new Array(2 ** 32 - 1), data: new Float32Array(12) })],
  ['a tensor of another shape', () => ({ shape: [3, -4], data: new Float32Array(12) })],
  ['a tensor without data', () => ({ shape: [1, 4, 3, 1] })],
  ['a tensor that throws', () => ({ shape: [1, 12], get data(): never { throw new Error('a getter') } })],
  ['an aborted signal', () => ({ aborted: true })],
]

const strange = fc.constantFrom(...STRANGE.map(([text, make]) => recipe(text, make)))
const numbers = fc.constantFrom(...NUMBERS.map((value) => recipe(String(value), () => value)))
const texts = fc.constantFrom(...STRINGS.map((value) => recipe(JSON.stringify(value), () => value)))
const json = fc.jsonValue({ maxDepth: 3 }).map((value) => recipe(JSON.stringify(value), () => structuredClone(value)))
const doubles = fc.double().map((value) => recipe(String(value), () => value))

/** Anything at all. */
export const hostile: fc.Arbitrary<Recipe> = fc.oneof(
  { arbitrary: strange, weight: 5 },
  { arbitrary: numbers, weight: 4 },
  { arbitrary: texts, weight: 1 },
  { arbitrary: doubles, weight: 1 },
  { arbitrary: json, weight: 1 },
)

/** One of a few good values, each made anew. */
export function good(...makers: (() => unknown)[]): fc.Arbitrary<Recipe> {
  return fc.constantFrom(...makers.map((make) => recipe(String(make).replace(/^\(\) => /, ''), make)))
}

/** Mostly what should be passed. */
export function nearly(valid: fc.Arbitrary<Recipe>): fc.Arbitrary<Recipe> {
  return fc.oneof({ arbitrary: valid, weight: 4 }, { arbitrary: hostile, weight: 1 })
}

/**
 * Options by name: some left out (seldom those needed), some good, in one call of two one that is not; now and then a
 * name that there is not, or no options at all.
 */
export function options(valid: Record<string, fc.Arbitrary<Recipe>>, ...needed: string[]): fc.Arbitrary<Recipe> {
  const names = Object.keys(valid)
  const absent = fc.constant(undefined)
  const fields = fc.record(
    Object.fromEntries(
      names.map((name) => [
        name,
        fc.oneof(
          { arbitrary: absent, weight: needed.includes(name) ? 1 : 20 * names.length },
          { arbitrary: valid[name], weight: 10 * names.length },
          { arbitrary: hostile, weight: 10 },
        ),
      ]),
    ),
  )
  const misspelled = fc.constantFrom(...names).map((name) => `${name}s`)
  const extra = fc.oneof({ arbitrary: absent, weight: 20 }, { arbitrary: fc.oneof(misspelled, fc.string()), weight: 1 })
  const whole = fc.tuple(fields, extra).map(([values, name]) => {
    const entries = Object.entries(values).filter(([, value]) => value) as [string, Recipe][]
    if (name !== undefined) entries.push([name, recipe('1', () => 1)])
    const text = entries.map(([key, value]) => `${key}: ${value[fc.toStringMethod]()}`).join(', ')
    return recipe(`{ ${text} }`, () => Object.fromEntries(entries.map(([key, { make }]) => [key, make()])))
  })
  return fc.oneof({ arbitrary: whole, weight: 12 }, { arbitrary: hostile, weight: 1 })
}

/** Arguments one after another. */
export function list(...parts: fc.Arbitrary<Recipe>[]): fc.Arbitrary<Recipe> {
  return fc.tuple(...parts).map((recipes) => {
    const text = recipes.map((part) => part[fc.toStringMethod]()).join(', ')
    return recipe(`(${text})`, () => recipes.map(({ make }) => make()))
  })
}

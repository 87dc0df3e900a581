import fc from 'fast-check'
import { FILLER, recipe, type Recipe } from './fuzz-check.js'

const MARK = '\u0001'

/** JSON texts to put in the place of others: ordinary ones, limits, long and deep ones. */
const fragments = fc.oneof(
  { arbitrary: fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.stringify(value)), weight: 500 },
  {
    arbitrary: fc.constantFrom(
      ...['0', '1', '-1', '0.5', '3', '16', '17', '255', '4096', '65536', '2147483648', '9007199254740993', '1e300', '1e999'],
      ...['-0', 'null', 'true', '""', '[]', '{}', '"same"', '"dense"', '"conv"', '"residual"', '"adam"', '"learned"'],
    ),
    weight: 500,
  },
  {
    arbitrary: fc.constantFrom(
      JSON.stringify(FILLER.repeat(300)),
      `{${JSON.stringify(FILLER.repeat(300))}:1}`,
      deep(17, '{"type":"warm-up","steps":1,"after":', '0.5', '}'),
      deep(17, '[{"type":"residual","layers":', '[]', '}]'),
      '{"__proto__":{"type":"dense"}}',
      '{"constructor":{"name":5}}',
    ),
    weight: 100,
  },
  {
    arbitrary: fc.constantFrom(
      deep(20_000, '[', '0', ']'),
      deep(20_000, '{"type":"warm-up","steps":1,"after":', '0.5', '}'),
      deep(20_000, '[{"type":"residual","layers":', '[]', '}]'),
      `[${'0,'.repeat(70_000)}0]`,
    ),
    weight: 1,
  },
)

function deep(levels: number, before: string, inside: string, after: string): string {
  return before.repeat(levels) + inside + after.repeat(levels)
}

const changes = fc.array(
  fc.record({
    place: fc.nat({ max: 300 }),
    kind: fc.constantFrom('replace', 'replace', 'replace', 'rename', 'remove', 'repeat'),
    fragment: fragments,
  }),
  { maxLength: 3 },
)

/** One of a few documents as a text, some of its values replaced, left out, repeated or under another name. */
export function changedJson(documents: readonly unknown[]): fc.Arbitrary<string> {
  const texts = documents.map((document) => JSON.stringify(document))
  return fc.tuple(fc.constantFrom(...texts), changes).map(([text, steps]) => {
    const root = { document: JSON.parse(text) as unknown }
    // Fragments stand in it by their number at first: some are too deep to be values.
    steps.forEach(({ place, kind }, i) => change(root, place, kind, `${MARK}${i}`))
    const marked = JSON.stringify(root.document) ?? 'null'
    return marked.replace(/"\\u0001(\d)"/g, (_, i: string) => steps[Number(i)].fragment)
  })
}

/** A value that is parsed from such a text. */
export function changedValue(documents: readonly unknown[]): fc.Arbitrary<Recipe> {
  return changedJson(documents).map((text) => recipe(shortened(text), () => JSON.parse(text)))
}

export function shortened(text: string): string {
  return text.length > 1000 ? `${text.slice(0, 1000)}… (${text.length} characters)` : text
}

type Parent = Record<string, unknown>

function change(root: Parent, place: number, kind: string, value: string): void {
  const places = [...placesIn(root)]
  const { parent, key } = places[place % places.length]
  if (kind === 'replace') parent[key] = value
  else if (kind === 'repeat' && Array.isArray(parent)) parent.push(parent[Number(key)])
  else if (kind === 'remove' && parent !== root) delete parent[key]
  else if (parent !== root) parent[`${key}s`] = parent[key]
}

function* placesIn(parent: Parent): Generator<{ parent: Parent; key: string }> {
  for (const key of Object.keys(parent)) {
    yield { parent, key }
    const value = parent[key]
    if (typeof value === 'object' && value !== null) yield* placesIn(value as Parent)
  }
}

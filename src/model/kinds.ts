import { checkKeys, readName, readObject } from '../checks.js'

/** A kind of layer, latent or likelihood, by the type that a specification names it by. */
interface Kind {
  readonly type: string
  /** What a specification may say beside `type`. */
  readonly keys: readonly string[]
}

/** The kind of that type. */
export function kindOf<K extends Kind>(kinds: readonly K[], type: K['type']): K {
  return kinds.find((kind) => kind.type === type)!
}

/**
 * The kind that a part of a specification names, and the part's fields, each still to be read.
 * @param family `layer`; `typeName` is what messages call its types
 * @throws SpecError unless it is a plain object of a type that there is, with keys that this type has
 */
export function readKind<K extends Kind>(
  kinds: readonly K[],
  value: unknown,
  path: string,
  family: string,
  typeName: string,
): { kind: K; fields: Record<string, unknown> } {
  const fields = readObject(value, path, `a ${family}`)
  const types = kinds.map(({ type }) => type)
  const kind = kindOf(kinds, readName(fields.type, `${path}.type`, typeName, types))
  checkKeys(fields, path, `a ${kind.type} ${family}`, ['type', ...kind.keys])
  return { kind, fields }
}

import { clip } from '../checks.js'
import { FormatError } from '../errors.js'

/** Levels of objects and lists in a file; what is read here needs fewer than 60. */
const MOST_DEPTH = 100

/**
 * JSON from a file. How deep it is nested is looked at before it is parsed: parsers of some platforms, and all who walk
 * through the result, would run out of stack.
 * @param what named at the beginning of the error
 * @throws FormatError when it is nested deeper than `mostDepth`, or is no JSON
 */
export function parseJson(text: string, what: string, mostDepth = MOST_DEPTH): unknown {
  if (depthOf(text, mostDepth) > mostDepth) throw new FormatError(`${what} is nested deeper than ${mostDepth} levels`)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new FormatError(`${what} is not JSON: ${clip((cause as Error).message)}`, { cause })
  }
}

/** How deep brackets are nested, counted as far as just beyond `most`; right for whatever turns out to be JSON. */
function depthOf(text: string, most: number): number {
  let depth = 0
  let deepest = 0
  for (let i = 0; i < text.length && deepest <= most; i++) {
    const character = text[i]
    if (character === '"') i = endOfString(text, i)
    else if (character === '{' || character === '[') deepest = Math.max(deepest, ++depth)
    else if (character === '}' || character === ']') depth--
  }
  return deepest
}

/** Where the string that begins at a quotation mark ends, or the text's end. */
export function endOfString(text: string, start: number): number {
  let i = start + 1
  while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1
  return i
}

/** Lines of Python; an empty one stays empty however far it is indented. */
export type Lines = readonly string[]

/** What a kind of model is made of. */
export interface ModelText {
  title: string
  /** The line that opens the class, and its documentation. */
  head: string[]
  methods: string[][]
  functions?: string[]
}

/** One or more levels further in. */
export function indented(lines: Lines, levels = 1): string[] {
  return lines.map((line) => (line === '' ? '' : '    '.repeat(levels) + line))
}

/** The lines of a block of text, without the first line break and the indentation that all of them have. */
export function block(text: string): string[] {
  const lines = text.replace(/^\n|\n *$/g, '').split('\n')
  const margin = Math.min(...lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/)))
  return lines.map((line) => line.slice(margin))
}

/** Blocks with an empty line between them; those that are not there are left out. */
export function joined(blocks: readonly (Lines | undefined)[], between = 1): string[] {
  const given = blocks.filter((lines) => lines !== undefined && lines.length > 0) as Lines[]
  return given.flatMap((lines, i) => (i === 0 ? lines : [...Array<string>(between).fill(''), ...lines]))
}

/** A statement and what is to be said of it, which begins in one column where it can. */
export function commented(statement: string, comment: string): string {
  return `${statement.padEnd(66)}  # ${comment}`
}

/** A list of modules, one a line. */
export function listed(head: string, items: readonly Lines[]): string[] {
  if (items.length === 0) return [`${head}[])`]
  return [`${head}[`, ...items.flatMap((lines) => indented(withComma(lines))), '])']
}

/** Modules by name, one a line. */
export function dictionary(head: string, items: Readonly<Record<string, string>>): string[] {
  return [`${head}{`, ...indented(Object.entries(items).map(([name, item]) => `"${name}": ${item},`)), '})']
}

function withComma(lines: Lines): string[] {
  return [...lines.slice(0, -1), `${lines.at(-1)},`]
}

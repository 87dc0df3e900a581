import { readdir, readFile } from 'node:fs/promises'

/** A block of code in the documentation. */
export interface CodeBlock {
  /** `docs/sphere.md:8`, of its first line. */
  place: string
  /** What follows the fence, `ts`; of an indented block empty. */
  language: string
  code: string
}

/** README and the pages of `docs/`, with their text. */
export async function documentation(): Promise<[file: string, text: string][]> {
  const pages = (await readdir('docs')).filter((name) => name.endsWith('.md')).sort()
  const files = ['README.md', ...pages.map((name) => `docs/${name}`)]
  return Promise.all(files.map(async (file): Promise<[string, string]> => [file, await readFile(file, 'utf8')]))
}

/** The blocks of a page, fenced and indented. @throws where a fence has no language or is not closed */
export function blocksOf(file: string, text: string): CodeBlock[] {
  const blocks: CodeBlock[] = []
  let open: { language: string; line: number; lines: string[] } | undefined
  const close = () => {
    if (!open) return
    const { language, line, lines } = open
    blocks.push({ place: `${file}:${line}`, language, code: lines.join('\n').trimEnd() })
    open = undefined
  }
  const lines = text.split('\n')
  for (const [i, line] of lines.entries()) {
    const fence = /^```(\w*)/.exec(line)
    const isFenced = open !== undefined && open.language !== ''
    if (fence && isFenced) close()
    else if (fence) {
      if (fence[1] === '') throw new Error(`${file}:${i + 1}: a block of code without its language`)
      open = { language: fence[1], line: i + 2, lines: [] }
    } else if (isFenced) open!.lines.push(line)
    else if (/^ {4}\S/.test(line) && (open || lines[i - 1] === '')) {
      open ??= { language: '', line: i + 1, lines: [] }
      open.lines.push(line.slice(4))
    } else if (line !== '') close()
  }
  if (open && open.language !== '') throw new Error(`${file}:${open.line}: the block is not closed`)
  close()
  return blocks
}

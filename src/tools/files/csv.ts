import { FormatError } from '../../errors.js'

/** A table of numbers. */
export interface Table {
  /** Names of the columns, where there is a header. */
  columns?: string[]
  rows: number
  width: number
  /** Row by row. */
  data: Float64Array
}

/** A table with a header. The numbers are written as short as they read back to the same bits. */
export function writeCsv(columns: readonly string[], rows: Iterable<ArrayLike<number>>): Uint8Array {
  const lines = [columns.join(',')]
  for (const row of rows) lines.push(Array.from(row, shortest).join(','))
  return new TextEncoder().encode(`${lines.join('\n')}\n`)
}

/** Nine digits tell every 32-bit float from its neighbours. */
function shortest(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(9)))
}

/**
 * Numbers between commas, semicolons or tabs, a row a line; a first line that is no row of numbers is the header.
 * @throws FormatError with the line
 */
export function readCsv(bytes: Uint8Array): Table {
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/)
  while (lines.at(-1)?.trim() === '') lines.pop()
  if (lines.length === 0) throw new FormatError('csv: the file is empty')
  const mark = [',', ';', '\t'].find((candidate) => lines[0].includes(candidate)) ?? ','
  const cells = (line: string) => line.split(mark).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'))
  const isNumber = (cell: string) => cell !== '' && Number.isFinite(Number(cell))
  const first = cells(lines[0])
  const columns = first.every(isNumber) ? undefined : first
  const body = columns ? lines.slice(1) : lines
  const { length: width } = first
  const data = new Float64Array(body.length * width)
  body.forEach((line, row) => {
    const at = row + (columns ? 2 : 1)
    const values = cells(line)
    if (values.length !== width) throw new FormatError(`csv: line ${at} has ${values.length} cells, needs ${width}`)
    values.forEach((cell, column) => {
      if (!isNumber(cell)) throw new FormatError(`csv: line ${at}, cell ${column + 1} is "${cell}", needs a number`)
      data[row * width + column] = Number(cell)
    })
  })
  return { ...(columns && { columns }), rows: body.length, width, data }
}

/** The bytes of `test/fixtures/<name>`, in a browser (served from the repository's root) as in Node (run from there). */
export async function loadFixture(name: string): Promise<Uint8Array> {
  if ('location' in globalThis) {
    const response = await fetch(`/test/fixtures/${name}`)
    if (!response.ok) throw new Error(`fixture ${name}: HTTP ${response.status}`)
    return new Uint8Array(await response.arrayBuffer())
  }
  const module = 'node:fs/promises' // a variable, so that bundling for the browser leaves it alone
  const { readFile } = await import(module)
  return readFile(`test/fixtures/${name}`)
}

/** The element of the page with this id, which must be of this class. */
export function element<T extends HTMLElement>(id: string, type: abstract new (...args: never[]) => T): T {
  const found = document.getElementById(id)
  if (!(found instanceof type)) throw new Error(`index.html: needs a ${type.name} with the id "${id}"`)
  return found
}

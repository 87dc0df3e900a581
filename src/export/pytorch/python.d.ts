/** The text of a Python file; build.mjs bundles it so. */
declare module '*.py' {
  const text: string
  export default text
}

// @ts-check
// What the parts of the runner call a test file.

/**
 * @typedef {object} TestFile
 * @property {string} path from the root: `test/unit/data.ts`
 * @property {string} name without folder and extension: `unit/data`
 * @property {'unit' | 'kernels' | 'model' | 'faults' | 'page'} kind
 * @property {import('./collect.js').Selection} selection
 */

export {}

// Reflects the shaders into one table, bundles the package and the demo, and writes the type declarations.
//
//   node build.mjs              dist/: index.js, index.min.js, node.js, onnx.js, pytorch.js, their .d.ts, elbo.js, demo
//
// Tests and benchmarks import `bundle` and `kernelPlugin` and bundle the same sources.
import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ensureInstalled } from './src/tools/ensure-installed.mjs'
import { librariesOf, readShaders, shaderViolations } from './src/tools/shader-libraries.mjs'

const root = fileURLToPath(new URL('.', import.meta.url))

/** Reflects one kernel: code with its libraries, bindings, overrides, workgroup size. */
function reflectKernel(WgslReflect, kernel, libraries) {
  const { name, path: where } = kernel
  const needed = librariesOf(kernel, libraries)
  const code = [kernel, ...needed].map((shader) => shader.code).join('\n')
  const reflected = reflect(WgslReflect, code, where)
  const entries = reflected.entry.compute
  if (entries.length !== 1 || entries[0].name !== name) {
    throw new Error(`${where}: needs exactly one entry point named ${name}, has ${entries.map((e) => e.name) || 'none'}`)
  }
  const bindings = {}
  for (const variable of [...reflected.uniforms, ...reflected.storage]) {
    if (variable.group !== 0) throw new Error(`${where}: "${variable.name}" is in group ${variable.group}, needs group 0`)
    const uniform = reflected.uniforms.includes(variable)
    const type = uniform ? 'uniform' : variable.access === 'read' ? 'read-only-storage' : 'storage'
    bindings[variable.name] = { binding: variable.binding, type, ...(uniform && { sizeBytes: variable.size }) }
  }
  const storageCount = Object.values(bindings).filter((binding) => binding.type !== 'uniform').length
  if (storageCount > 8) throw new Error(`${where}: binds ${storageCount} storage buffers, WebGPU's default limit is 8`)
  const overrides = {}
  for (const [, override, value] of code.matchAll(/^override\s+(\w+)\s*:\s*\w+\s*(?:=\s*([^;]+))?;/gm)) {
    overrides[override] = value === undefined ? null : value.trim()
  }
  const size = entries[0].attributes.find((attribute) => attribute.name === 'workgroup_size')
  const workgroup = [size.value].flat().map(String)
  while (workgroup.length < 3) workgroup.push('1')
  const struct = (name) => reflected.structs.find((candidate) => candidate.name === name)
  const step = struct('Step')
  const params = struct('Params')?.members.map(({ name, offset, type }) => [name, { offset, type: type.name }])
  return {
    kernel: {
      code: kernel.code,
      libraries: needed.map((library) => library.name),
      bindings,
      overrides,
      workgroup,
      ...(params && { params: Object.fromEntries(params) }),
    },
    step: step && Object.fromEntries(step.members.map((member) => [member.name, member.offset])),
  }
}

function reflect(WgslReflect, code, where) {
  try {
    return new WgslReflect(code.replace(/\b(read|write)(?=\s*\()/g, '$1_')) // its parser takes these names for keywords
  } catch (error) {
    throw new Error(`${where}: ${error.message ?? error}`, { cause: error })
  }
}

/** Every kernel of `shaders/`, reflected. `_naive` kernels are the benchmark's yardsticks and never ship. */
export async function kernelTable({ naive = false } = {}) {
  const { WgslReflect } = await import('wgsl_reflect/wgsl_reflect.module.js')
  const { kernels: all, libraries } = await readShaders(root)
  const violations = shaderViolations(all, libraries)
  if (violations.length > 0) throw new Error(violations.join('\n'))
  const kernels = {}
  let stepLayout = {}
  for (const shader of all) {
    if (shader.name.endsWith('_naive') && !naive) continue
    const { kernel, step } = reflectKernel(WgslReflect, shader, libraries)
    kernels[shader.name] = kernel
    stepLayout = step ?? stepLayout
  }
  const used = new Set(Object.values(kernels).flatMap((kernel) => kernel.libraries))
  const shared = libraries.filter(({ name }) => used.has(name)).map(({ name, code }) => [name, code])
  return { kernels, libraries: Object.fromEntries(shared), stepLayout }
}

/** esbuild plugin: `elbo:kernels` is the reflected table. */
export function kernelPlugin(options) {
  return {
    name: 'kernels',
    setup(build) {
      build.onResolve({ filter: /^elbo:kernels$/ }, ({ path }) => ({ path, namespace: 'kernels' }))
      build.onLoad({ filter: /.*/, namespace: 'kernels' }, async () => {
        const table = Object.entries(await kernelTable(options))
        const contents = table.map(([name, value]) => `export const ${name} = ${JSON.stringify(value)}`).join('\n')
        return { contents, loader: 'js' }
      })
    },
  }
}

/** Bundles sources with the kernel table; `options` are esbuild's. */
export async function bundle({ naive = false, ...options }) {
  const esbuild = await import('esbuild')
  return esbuild.build({
    bundle: true,
    format: 'esm',
    target: 'es2022',
    sourcemap: true,
    logLevel: 'warning',
    loader: { '.py': 'text' },
    absWorkingDir: root,
    ...options,
    plugins: [kernelPlugin({ naive }), ...(options.plugins ?? [])],
  })
}

/** Builds `dist/`. */
export async function build() {
  const dist = join(root, 'dist')
  await buildPackage(dist)
  await mkdir(join(dist, 'demo'), { recursive: true })
  const entryPoints = ['main.ts', 'worker.ts', 'style.css'].map((file) => `demo/${file}`)
  await bundle({ entryPoints, outdir: join(dist, 'demo'), minify: true })
  await copyFile(join(root, 'demo/index.html'), join(dist, 'demo/index.html'))
  await copyFile(join(root, 'node_modules/uplot/dist/uPlot.min.css'), join(dist, 'demo/uplot.css'))
}

/** esbuild plugin: entries import the main one as it is, and errors from there, so that every class is there once. */
const mainEntry = {
  name: 'main entry',
  setup(build) {
    build.onResolve({ filter: /\/(index|errors)\.js$/ }, () => ({ path: './index.js', external: true }))
  },
}

/** The entries of the package, with what sets them apart. */
const entries = {
  index: {},
  node: { platform: 'node', plugins: [mainEntry] },
  onnx: { plugins: [mainEntry] },
  pytorch: { plugins: [mainEntry] },
}

/** Builds what the package is, in a folder that is emptied first. */
export async function buildPackage(dist) {
  await rm(dist, { recursive: true, force: true })
  const values = await buildScripts(dist)
  await bundle({ entryPoints: ['src/index.ts'], outfile: join(dist, 'index.min.js'), minify: true, sourcemap: false })
  await declareTypes(dist, values)
}

/** Builds the entries and the command, without types. @returns what each entry exports that is more than a type */
export async function buildScripts(dist) {
  const values = {}
  for (const [name, options] of Object.entries(entries)) {
    const entry = { entryPoints: [`src/${name}.ts`], metafile: true, ...options }
    const { metafile } = await bundle({ ...entry, outfile: join(dist, `${name}.js`) })
    values[name] = Object.values(metafile.outputs).flatMap((output) => output.exports)
  }
  await buildCommand(dist)
  return values
}

/** esbuild plugin: the command imports the package's entries as they lie beside it. */
const ownEntries = {
  name: 'own entries',
  setup(build) {
    build.onResolve({ filter: /^(\.\.?\/)+(index|errors|node|onnx|pytorch)\.js$/ }, ({ path }) => {
      return { path: `./${path.includes('errors') ? 'index' : basename(path, '.js')}.js`, external: true }
    })
  },
}

/** What is bundled into the command, whose licences ask to be kept with it. */
const inCommand = ['fast-png', 'fflate', 'iobuffer', 'jpeg-js']

/** Bundles the command that the package installs, beside its entries. */
async function buildCommand(dist) {
  const notices = inCommand.map(async (name) => {
    return `${name}\n\n${await readFile(join(root, 'node_modules', name, 'LICENSE'), 'utf8')}`
  })
  await bundle({
    entryPoints: ['src/tools/elbo.ts'],
    outfile: join(dist, 'elbo.js'),
    platform: 'node',
    sourcemap: false,
    plugins: [ownEntries],
    banner: { js: '#!/usr/bin/env node' },
    footer: { js: `/*! Bundled above:\n\n${(await Promise.all(notices)).join('\n').replaceAll('*/', '* /')}*/` },
  })
  await chmod(join(dist, 'elbo.js'), 0o755)
}

/**
 * For each entry a file with the declarations of what it exports and of what that needs: the compiler declares every
 * source by itself, and a bundler keeps what is reached. `values` are the names that are more than a type.
 */
async function declareTypes(dist, values) {
  const folder = join(root, `.cache/types-${process.pid}`)
  try {
    await compileDeclarations(folder)
    const [{ rollup }, { dts }] = await Promise.all([import('rollup'), import('rollup-plugin-dts')])
    for (const name of Object.keys(entries)) {
      // The main entry is the same file to the others. The kernel table is the build's own; nothing reached needs it.
      const external = (id) => id === 'elbo:kernels' || (name !== 'index' && id.endsWith('/index.js'))
      const types = await rollup({ input: join(folder, `${name}.d.ts`), plugins: [dts()], external, onLog: refuse })
      const { output: [{ code }] } = await types.generate({ file: join(folder, 'types.d.ts') })
      await writeFile(join(dist, `${name}.d.ts`), exportsOf(code, values[name]))
      await types.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A class may be exported as a type alone, which the bundler forgets. */
function exportsOf(code, values) {
  return code.replace(/^export \{ (.*) \};$/m, (_, list) => {
    const isValue = (name) => values.includes(name)
    const names = list.split(', ')
    const kinds = { export: names.filter(isValue), 'export type': names.filter((name) => !isValue(name)) }
    const lines = Object.entries(kinds).filter(([, some]) => some.length > 0)
    return lines.map(([word, some]) => `${word} { ${some.join(', ')} };`).join('\n')
  })
}

/** What the bundler only warns of, such as an import that it does not find, is wrong in what users get. */
function refuse(level, { message }) {
  throw new Error(`type declarations: ${message}`)
}

async function compileDeclarations(outDir) {
  const { execFile } = await import('node:child_process')
  const { promisify } = await import('node:util')
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const args = ['-p', 'tsconfig.build.json', '--outDir', outDir]
  await promisify(execFile)(process.execPath, [tsc, ...args], { cwd: root }).catch((error) => {
    throw new Error(`type declarations failed:\n${error.stdout}${error.stderr}`)
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await ensureInstalled()
  await build()
}

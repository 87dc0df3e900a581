import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { findDeno } from '../../src/tools/find-deno.mjs'
import { findFirefox, softwareVulkan } from '../../src/tools/find-firefox.mjs'
import { rejection } from '../support/errors.js'

const firefox = suite('findFirefox')
const vulkan = suite('softwareVulkan')
const deno = suite('findDeno')

/** A machine with these files, and with those of `installable` once apt-get was asked for their package. */
function machine(files: string[], { env = {}, installable = {}, rootOn, platform = 'linux' }: Machine = {}) {
  const present = [...files]
  const asked: string[] = []
  return {
    asked,
    env: { PATH: '/bin:/usr/bin', ...env },
    platform,
    rootOn,
    exists: (path: string) => present.includes(path),
    list: (folder: string) => present.filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1)),
    works: (path: string) => !path.includes('broken'),
    aptInstall: async ([name]: string[]) => {
      asked.push(name)
      if (name in installable) present.push(installable[name])
      return name in installable
    },
  }
}

interface Machine {
  env?: Record<string, string>
  installable?: Record<string, string>
  rootOn?: 'debian' | 'ubuntu'
  platform?: NodeJS.Platform
}

async function rejects(promise: Promise<unknown>, pattern: RegExp): Promise<void> {
  const error = await rejection(() => promise)
  assert.instance(error, Error)
  assert.match((error as Error).message, pattern)
}

firefox('takes the one that the environment names, and says when it is missing', async () => {
  const env = { FIREFOX_PATH: '/opt/firefox' }
  assert.is(await findFirefox(machine(['/opt/firefox', '/usr/bin/firefox'], { env })), '/opt/firefox')
  await rejects(findFirefox(machine(['/usr/bin/firefox'], { env })), /FIREFOX_PATH is \/opt\/firefox.*does not exist/)
})

firefox('looks along the PATH and passes over one that does not start', async () => {
  const env = { PATH: '/broken:/usr/bin' }
  assert.is(await findFirefox(machine(['/broken/firefox', '/usr/bin/firefox-esr'], { env })), '/usr/bin/firefox-esr')
})

firefox('knows where macOS and Windows keep theirs', async () => {
  const mac = '/Applications/Firefox.app/Contents/MacOS/firefox'
  assert.is(await findFirefox(machine([mac], { platform: 'darwin' })), mac)
  const windows = '/pf/Mozilla Firefox/firefox.exe'
  assert.is(await findFirefox(machine([windows], { platform: 'win32', env: { PROGRAMFILES: '/pf' } })), windows)
})

firefox('asks apt-get only as root on Debian, and says what is missing elsewhere', async () => {
  const installable = { 'firefox-esr': '/usr/bin/firefox-esr' }
  assert.is(await findFirefox(machine([], { installable, rootOn: 'debian' })), '/usr/bin/firefox-esr')
  for (const rootOn of ['ubuntu', undefined] as const) {
    const bare = machine([], { installable, rootOn })
    await rejects(findFirefox(bare), /no Firefox was found: install it .*FIREFOX_PATH/)
    assert.equal(bare.asked, [])
  }
  await rejects(findFirefox(machine([], { rootOn: 'debian' })), /no Firefox was found/)
})

vulkan('names the driver of Mesa by both variables of the loader', async () => {
  const path = '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json'
  const other = '/usr/share/vulkan/icd.d/intel_icd.x86_64.json'
  assert.equal(await softwareVulkan(machine([other, path])), { VK_DRIVER_FILES: path, VK_ICD_FILENAMES: path })
})

vulkan('leaves alone what the environment names, and systems without such a driver', async () => {
  assert.equal(await softwareVulkan(machine([], { env: { VK_ICD_FILENAMES: '/mine.json' } })), {})
  assert.equal(await softwareVulkan(machine([], { platform: 'darwin' })), {})
})

vulkan('asks apt-get only as root on Debian and Ubuntu, and says what is missing elsewhere', async () => {
  const path = '/usr/share/vulkan/icd.d/lvp_icd.json'
  const installable = { 'mesa-vulkan-drivers': path }
  for (const rootOn of ['debian', 'ubuntu'] as const) {
    assert.is((await softwareVulkan(machine([], { installable, rootOn }))).VK_DRIVER_FILES, path)
  }
  const bare = machine([], { installable })
  await rejects(softwareVulkan(bare), /no Vulkan driver .* was found: install .*mesa-vulkan-drivers.*VK_DRIVER_FILES/)
  assert.equal(bare.asked, [])
})

deno('takes the one that the environment names, one on the PATH, or the package\'s', async () => {
  const [arch, windows] = [`${process.platform}-${process.arch}`, process.platform === 'win32' ? '.exe' : '']
  const packaged = [`/modules/@deno/${arch}/deno${windows}`, `/modules/@deno/${arch}-glibc/deno${windows}`]
  const install = async () => '/modules'
  const find = (files: string[], env = {}) => findDeno({ ...machine(files, { env }), install })
  assert.is(await find(['/opt/deno'], { DENO_PATH: '/opt/deno' }), '/opt/deno')
  await rejects(find([], { DENO_PATH: '/opt/deno' }), /DENO_PATH is \/opt\/deno, which does not exist/)
  assert.is(await find([`/broken/deno${windows}`, `/bin/deno${windows}`], { PATH: '/broken:/bin' }), `/bin/deno${windows}`)
  for (const path of packaged) assert.is(await find([path]), path)
  await rejects(find([]), /no Deno was found, and npm's package has none for .*DENO_PATH/)
})

firefox.run()
vulkan.run()
deno.run()

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { swiftShader, vulkanVariables } from '../../src/node/vulkan.mjs'

const test = suite('Vulkan drivers for Dawn')

const debian = '/usr/lib/chromium/vk_swiftshader_icd.json'
const mesa = '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json'

/** A machine with these files; links end where they are. */
function machine(files: string[], env: Record<string, string> = {}) {
  return {
    env: { XDG_RUNTIME_DIR: '/run/user/1', PUPPETEER_CACHE_DIR: '/cache', ...env },
    platform: 'linux' as NodeJS.Platform,
    exists: (path: string) => files.includes(path),
    list: (folder: string) => {
      const below = files.filter((path) => path.startsWith(`${folder}/`))
      return [...new Set(below.map((path) => path.slice(folder.length + 1).split('/')[0]))].sort()
    },
    real: (path: string) => path,
  }
}

test('without a GPU, SwiftShader is the only driver, before Mesa’s', () => {
  assert.equal(vulkanVariables(machine([mesa, debian])), { VK_DRIVER_FILES: debian, VK_ICD_FILENAMES: debian })
  assert.equal(vulkanVariables(machine([mesa])), { VK_DRIVER_FILES: mesa, VK_ICD_FILENAMES: mesa })
  assert.equal(vulkanVariables(machine([])), {})
})

test('beside a GPU of any kind it is added to the drivers that there are', () => {
  for (const gpu of ['/dev/dri/renderD128', '/dev/nvidiactl', '/dev/dxg']) {
    assert.equal(vulkanVariables(machine([debian, gpu])), { VK_ADD_DRIVER_FILES: debian }, gpu)
  }
})

test('what the user has named is left alone, and so are systems other than Linux', () => {
  for (const name of ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES', 'VK_ADD_DRIVER_FILES']) {
    assert.equal(vulkanVariables(machine([debian], { [name]: '/mine.json' })), {}, name)
  }
  for (const platform of ['darwin', 'win32'] as const) assert.equal(vulkanVariables({ ...machine([debian]), platform }), {})
})

test('Mesa’s layer finds a folder where nobody has logged in', () => {
  assert.is(typeof vulkanVariables(machine([], { XDG_RUNTIME_DIR: '' })).XDG_RUNTIME_DIR, 'string')
})

test('SwiftShader is found beside the browser that is named, an installed one, and puppeteer’s newest', () => {
  const beside = (folder: string) => `${folder}/vk_swiftshader_icd.json`
  const [old, recent] = ['linux-99.0', 'linux-131.0'].map((build) => `/cache/chrome/${build}/chrome-linux64`)
  const named = machine(['/opt/mine/chrome', beside('/opt/mine'), debian], { CHROME_PATH: '/opt/mine/chrome' })
  assert.is(swiftShader(named), beside('/opt/mine'))
  assert.is(swiftShader(machine([beside('/opt/google/chrome'), beside(old)])), beside('/opt/google/chrome'))
  assert.is(swiftShader(machine([beside(old), beside(recent)])), beside(recent))
  assert.is(swiftShader(machine(['/bin/edge', beside('/bin')]), ['/bin/edge']), beside('/bin'))
  assert.is(swiftShader(machine([])), undefined)
})

test.run()

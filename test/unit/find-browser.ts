import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { findBrowser } from '../../src/tools/find-browser.mjs'

const find = suite('findBrowser')

/** A machine with these files and nothing else, where installing fails unless told otherwise. */
function machine(files: string[], env: Record<string, string> = {}) {
  const asked: string[] = []
  return {
    asked,
    env: { PATH: '/bin:/usr/bin', PUPPETEER_CACHE_DIR: '/nowhere', ...env },
    platform: 'linux' as const,
    exists: (path: string) => files.includes(path),
    works: (path: string) => !path.includes('broken'),
    download: async () => void asked.push('download'),
    aptInstall: async () => void asked.push('apt'),
    rootOn: undefined as 'debian' | 'ubuntu' | undefined,
  }
}

find('takes the one that the environment names, and says when it is missing', async () => {
  const files = ['/opt/chrome', '/usr/bin/chromium']
  assert.is(await findBrowser(machine(files, { CHROME_PATH: '/opt/chrome' })), '/opt/chrome')
  assert.is(await findBrowser(machine(files, { PUPPETEER_EXECUTABLE_PATH: '/opt/chrome' })), '/opt/chrome')
  await rejects(findBrowser(machine(files, { CHROME_PATH: '/opt/gone' })), /CHROME_PATH is \/opt\/gone.*not exist/)
})

find('looks along the PATH and passes over one that does not start', async () => {
  const files = ['/broken/google-chrome', '/usr/bin/chromium']
  assert.is(await findBrowser(machine(files, { PATH: '/broken:/usr/bin' })), '/usr/bin/chromium')
  await rejects(findBrowser(machine(['/usr/bin/chromium-headless-shell'])), /no browser with WebGPU/)
})

find('knows where macOS and Windows keep theirs', async () => {
  const mac = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'
  assert.is(await findBrowser({ ...machine([mac]), platform: 'darwin' }), mac)
  const edge = '/pf/Microsoft/Edge/Application/msedge.exe'
  assert.is(await findBrowser({ ...machine([edge], { PROGRAMFILES: '/pf' }), platform: 'win32' }), edge)
})

find('downloads, and asks apt-get only as root on Debian and Ubuntu', async () => {
  for (const [rootOn, order] of [[undefined, 'download'], ['debian', 'apt,download'], ['ubuntu', 'download,apt']] as const) {
    const bare = { ...machine([]), rootOn }
    await rejects(findBrowser(bare), /CHROME_PATH/)
    assert.is(bare.asked.join(), order)
  }
  assert.is(await findBrowser({ ...machine([]), download: async () => '/cache/chrome' }), '/cache/chrome')
})

async function rejects(promise: Promise<unknown>, pattern: RegExp): Promise<void> {
  const error = await promise.then(() => undefined, (reason: Error) => reason)
  assert.instance(error, Error)
  assert.match(error!.message, pattern)
}

find.run()

// For test/page/: tests in Node that drive the demo in the runner's browser.
import puppeteer, { type Browser, type Page } from 'puppeteer-core'

/** The runner's browser. */
export const browser: Browser = await puppeteer.connect({
  browserWSEndpoint: required('ELBO_TEST_BROWSER'),
  protocolTimeout: 0,
})

/** Where the built demo is served; ends without a slash. */
export const origin: string = required('ELBO_TEST_ORIGIN')

/** Opens a page of the demo, hands it over, and fails when the page had an error or logged one. */
export async function withPage(path: string, body: (page: Page) => Promise<void>): Promise<void> {
  const page = await browser.newPage()
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(String(error instanceof Error ? error.stack : error)))
  page.on('error', (error) => errors.push(`the page crashed: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(`console.error: ${message.text()} ${message.location().url ?? ''}`)
  })
  try {
    await page.goto(origin + path)
    await body(page)
  } catch (error) {
    if (errors.length > 0 && error instanceof Error) error.message += `\nerrors in the page:\n${errors.join('\n')}`
    throw error
  } finally {
    await page.close().catch(() => {})
  }
  if (errors.length > 0) throw new Error(`errors in the page:\n${errors.join('\n')}`)
}

function required(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set; run page tests with npm test`)
  return value
}

import * as assert from 'uvu/assert'
import { ElboError } from '../../src/index.js'

type ErrorClass = new (...args: never[]) => Error

/** What a call throws or its promise rejects with; fails when it does neither. */
export async function rejection(call: () => unknown): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  throw new Error('it neither threw nor rejected')
}

/** The same where it must be an error. */
export async function thrownBy(call: () => unknown): Promise<Error> {
  const error = await rejection(call)
  assert.instance(error, Error)
  return error as Error
}

/** Fails unless the call ends in an error of that class and code whose message holds every part. */
export async function expectError(
  call: () => unknown,
  expected: ErrorClass,
  code: string,
  ...parts: (string | number)[]
): Promise<ElboError> {
  const error = await rejection(call)
  if (!(error instanceof expected && error instanceof ElboError)) throw error
  assert.is(error.name, expected.name)
  assert.is(error.code, code)
  for (const part of parts) {
    assert.ok(error.message.includes(String(part)), `the message lacks "${part}": ${error.message}`)
  }
  return error
}

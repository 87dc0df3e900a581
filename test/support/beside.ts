import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** A module of the repository that looks for its files beside itself, so that it is not bundled with the test. */
export const beside = (path: string) => import(pathToFileURL(resolve(path)).href)

import { fuzzCalls, fuzzParsers } from '../support/fuzz-suites.js'

// The short form of test/long/unit: the same inputs, the first few hundred of them.
const RUNS = 400

await fuzzParsers(RUNS)
await fuzzCalls(RUNS)

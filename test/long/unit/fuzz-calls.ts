import { fuzzCalls } from '../../support/fuzz-suites.js'

// npm test -- --folder test/long unit/fuzz --timeout 14400
await fuzzCalls(1_000_000)

import { fuzzParsers } from '../../support/fuzz-suites.js'

// npm test -- --folder test/long unit/fuzz --timeout 14400
await fuzzParsers(1_000_000)

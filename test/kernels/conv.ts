import { testConvolutions } from '../support/convolution-suites.js'

testConvolutions(false)

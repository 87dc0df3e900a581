// @ts-check
// npm run reproduce -- pytorch-example: see bench/reproduce/options.ts, or --help.
import { launch } from '../../src/tools/train/launch.mjs'

await launch('bench/reproduce/command.ts', 'npm run reproduce')

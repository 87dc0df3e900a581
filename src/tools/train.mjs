// @ts-check
// npm run train -- --preset mlp --data mnist: see src/tools/train/options.ts, or --help.
import { launch } from './train/launch.mjs'

await launch('src/tools/train/command.ts', 'npm run train')

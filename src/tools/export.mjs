// @ts-check
// npm run export -- --to onnx MODEL.safetensors --out DIR: see src/tools/export/command.ts, or --help.
import { launch } from './train/launch.mjs'

await launch('src/tools/export/command.ts', 'npm run export')

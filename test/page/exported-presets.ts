// The smaller presets in ONNX Runtime and in PyTorch beside the engine in a page.
import { holdExported, presetNames } from '../support/exported-presets.js'

holdExported('exported presets', presetNames('small'))

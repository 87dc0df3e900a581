import type { VaeSpec } from '../../model/spec.js'
import files from './files.py'
import { modelProgram } from './model.js'
import train from './train.py'

/** The programs that stand beside a saved model, by their names; they depend on its specification alone. */
export function programsOf(spec: VaeSpec): Record<'model.py' | 'train.py' | 'files.py', string> {
  return { 'model.py': modelProgram(spec), 'train.py': train, 'files.py': files }
}

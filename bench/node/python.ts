import { execFile } from 'node:child_process'

/** The first Python that has PyTorch, of $PYTHON alone where it is set; else why there is none. */
export async function findPython(): Promise<{ path: string } | { reason: string }> {
  const { PYTHON } = process.env
  const candidates = PYTHON ? [PYTHON] : ['python3', '/usr/bin/python3']
  for (const path of candidates) {
    if (await outputOf(path, ['-c', 'import torch']).then(() => true, () => false)) return { path }
  }
  return { reason: `no PyTorch in ${candidates.join(' or ')}: set PYTHON to a Python that has it` }
}

/** @throws with the last thing that the program complained of */
export function outputOf(program: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout)
      reject(new Error(`${program} ${args[0]} failed: ${stderr.trim().split('\n').at(-1) || error.message}`))
    })
  })
}

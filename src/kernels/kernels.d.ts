declare module 'elbo:kernels' {
  /** One kernel as `build.mjs` reflects it. */
  export interface ReflectedKernel {
    /** WGSL: the kernel's file, then the shared functions it needs. Comments are gone, line numbers are the file's. */
    code: string
    /** `[file, its first line in code]`, in order. */
    files: [file: string, firstLine: number][]
    /** By WGSL variable name; all in group 0. */
    bindings: Record<string, { binding: number; type: GPUBufferBindingType; sizeBytes?: number }>
    /** Overrides by name, with the default's expression or null where there is none. */
    overrides: Record<string, string | null>
    /** Numbers, or names of overrides. */
    workgroup: [string, string, string]
  }
  export const kernels: Record<string, ReflectedKernel>
  /** Byte offset of each member of the `Step` uniform. */
  export const stepLayout: Record<string, number>
}

declare module 'elbo:kernels' {
  /** One kernel as `build.mjs` reflects it. */
  export interface ReflectedKernel {
    /** The kernel's file. Comments and indentation are gone, line numbers are the file's. */
    code: string
    /** The shared functions it needs, to be appended in this order. */
    libraries: string[]
    /** By WGSL variable name; all in group 0. */
    bindings: Record<string, { binding: number; type: GPUBufferBindingType; sizeBytes?: number }>
    /** Overrides by name, with the default's expression or null where there is none. */
    overrides: Record<string, string | null>
    /** Members of the `Params` uniform by name, with their byte offset. */
    params?: Record<string, { offset: number; type: 'u32' | 'f32' }>
    /** Numbers, or names of overrides. */
    workgroup: [string, string, string]
  }
  export const kernels: Record<string, ReflectedKernel>
  /** The files of `shaders/lib/`, by name. */
  export const libraries: Record<string, string>
  /** Byte offset of each member of the `Step` uniform. */
  export const stepLayout: Record<string, number>
}

// WebGPU's flag values by number: a device handed in by Node or Deno does not bring the browser's global constants.

/** `GPUBufferUsage`. */
export const BufferUsage = {
  MAP_READ: 0x01,
  COPY_SRC: 0x04,
  COPY_DST: 0x08,
  UNIFORM: 0x40,
  STORAGE: 0x80,
  QUERY_RESOLVE: 0x200,
} as const

/** `GPUMapMode.READ`. */
export const MAP_READ = 0x01
/** `GPUShaderStage.COMPUTE`. */
export const SHADER_STAGE_COMPUTE = 0x04

/**
 * Base of every error this package throws on purpose. `code` is stable; the message says whose, what was needed, what came,
 * what to do.
 */
export class ElboError extends Error {
  /** A stable machine-readable name, e.g. `'shape'`. */
  readonly code: string
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** There is no usable WebGPU here; the message says why and what would help. */
export class UnsupportedError extends ElboError {
  constructor(message: string, options?: ErrorOptions) {
    super('unsupported', message, options)
  }
}

/** A model specification or an option that cannot be; `path` points into it, e.g. `decoder[2].filters`. */
export class SpecError extends ElboError {
  readonly path: string
  constructor(path: string, message: string, options?: ErrorOptions) {
    super('spec', path === '' ? message : `${path}: ${message}`, options)
    this.path = path
  }
}

/** An array whose shape or length does not fit. */
export class ShapeError extends ElboError {
  constructor(message: string, options?: ErrorOptions) {
    super('shape', message, options)
  }
}

/** Images or labels with values that cannot be, or a data set that does not fit its use. */
export class DataError extends ElboError {
  constructor(message: string, options?: ErrorOptions) {
    super('data', message, options)
  }
}

/** A file that is truncated, altered, or of another kind or model. */
export class FormatError extends ElboError {
  constructor(message: string, options?: ErrorOptions) {
    super('format', message, options)
  }
}

/** The GPU device is gone (driver reset, sleep, `destroy()`); make a new engine and load the last checkpoint. */
export class DeviceLostError extends ElboError {
  constructor(message: string, options?: ErrorOptions) {
    super('device-lost', message, options)
  }
}

/** Numbers stopped being finite. The message says which went first, and what the model holds now. */
export class NumericError extends ElboError {
  /** The parameter that it is about, where one is to blame; in a file the tensor's whole name. */
  readonly tensor?: string
  constructor(message: string, tensor?: string) {
    super('numeric', message)
    if (tensor !== undefined) this.tensor = tensor
  }
}

/**
 * More GPU memory than this device binds or has. The message lists what was to be allocated, by tensor, and says what
 * would fit. Nothing that was there before is touched.
 */
export class MemoryError extends ElboError {
  constructor(message: string, options?: ErrorOptions) {
    super('memory', message, options)
  }
}

/**
 * A WGSL kernel that does not compile or cannot be bound, shown with its line, or work that the GPU refused, in its own
 * words: a defect of this package, or somebody else's hand on its buffers.
 */
export class KernelError extends ElboError {
  constructor(message: string, options?: ErrorOptions) {
    super('kernel', message, options)
  }
}

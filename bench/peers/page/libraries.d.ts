// What the pages use of the libraries' public types, so that the type check does not need them installed.

declare module '@tensorflow/tfjs-core' {
  export interface Tensor {
    readonly shape: number[]
    readonly rank: number
    data(): Promise<Float32Array>
    dispose(): void
  }
  export interface Variable extends Tensor {
    readonly name: string
  }
  export interface Optimizer {
    minimize(loss: () => Tensor, returnCost: true): Tensor | null
  }
  type Shape4 = [number, number, number, number]
  type Layer = { bias: Tensor; activation: string; leakyreluAlpha: number }

  export const Reduction: { readonly SUM: number }
  export const fused: {
    matMul(given: Layer & { a: Tensor; b: Tensor }): Tensor
    conv2d(given: Layer & { x: Tensor; filter: Tensor; strides: number; pad: 'same' }): Tensor
  }
  export const losses: {
    sigmoidCrossEntropy(
      labels: Tensor, logits: Tensor, weights: undefined, smoothing: undefined, reduction: number,
    ): Tensor
  }
  export const train: {
    rmsprop(learningRate: number, decay: number, momentum: number, epsilon: number): Optimizer
    adam(learningRate: number, beta1: number, beta2: number, epsilon: number): Optimizer
  }
  export function setBackend(name: string): Promise<boolean>
  export function ready(): Promise<void>
  export function tidy<T>(body: () => T): T
  export function tensor(data: Float32Array, shape: number[]): Tensor
  export function tensor1d(data: number[], dtype: 'int32'): Tensor
  export function variable(initial: Tensor, trainable: boolean, name: string): Variable
  export function oneHot(indices: Tensor, depth: number): Tensor
  export function cast(x: Tensor, dtype: 'float32'): Tensor
  export function reshape(x: Tensor, shape: number[]): Tensor
  export function concat(tensors: Tensor[], axis: number): Tensor
  export function conv2dTranspose(x: Tensor, filter: Tensor, shape: Shape4, stride: number, pad: 'same'): Tensor
  export function add(a: Tensor, b: Tensor | number): Tensor
  export function sub(a: Tensor, b: Tensor | number): Tensor
  export function mul(a: Tensor, b: Tensor | number): Tensor
  export function div(a: Tensor, b: Tensor | number): Tensor
  export function exp(x: Tensor): Tensor
  export function square(x: Tensor): Tensor
  export function sum(x: Tensor): Tensor
  export function relu(x: Tensor): Tensor
  export function leakyRelu(x: Tensor, alpha: number): Tensor
  export function tanh(x: Tensor): Tensor
  export function sigmoid(x: Tensor): Tensor
}

declare module '@tensorflow/tfjs-core/dist/register_all_gradients.js' {}

declare module '@tensorflow/tfjs-backend-webgpu' {}

declare module '@jax-js/jax' {
  /** Arrays in nested objects. */
  type Tree = Tree[] | { [name: string]: Tree } | numpy.Array | undefined

  export function init(device: string): Promise<string[]>
  export function defaultDevice(device: string): string
  export function jit<Given extends Tree[], Out extends Tree>(f: (...given: Given) => Out): (...given: Given) => Out
  export function valueAndGrad<P extends Tree>(f: (parameters: P) => numpy.Array): (parameters: P) => [numpy.Array, P]

  export namespace numpy {
    type Operand = Array | number
    class Array {
      readonly shape: number[]
      readonly ref: Array
      add(other: Operand): Array
      sub(other: Operand): Array
      mul(other: Operand): Array
      div(other: Operand): Array
      neg(): Array
      sum(): Array
      reshape(shape: number[]): Array
      data(): Promise<ArrayLike<number>>
      dispose(): void
    }
    function array(values: number | Float32Array | Int32Array, options?: { shape?: number[] }): Array
    function zerosLike(x: Array): Array
    function dot(a: Array, b: Array): Array
    function concatenate(arrays: Array[], axis: number): Array
    function abs(x: Array): Array
    function exp(x: Array): Array
    function log1p(x: Array): Array
    function sqrt(x: Array): Array
    function square(x: Array): Array
    function tanh(x: Array): Array
  }

  export namespace nn {
    function relu(x: numpy.Array): numpy.Array
    function leakyRelu(x: numpy.Array, slope: number): numpy.Array
    function sigmoid(x: numpy.Array): numpy.Array
    function oneHot(x: numpy.Array, classes: number): numpy.Array
  }

  export namespace lax {
    function conv(x: numpy.Array, w: numpy.Array, strides: number[], padding: 'SAME'): numpy.Array
    function convTranspose(
      x: numpy.Array, w: numpy.Array, strides: number[], padding: 'SAME', options: { transposeKernel: boolean },
    ): numpy.Array
  }

  export namespace tree {
    function ref<T extends Tree>(tree: T): T
    function dispose(tree: Tree): void
    function map<T extends Tree>(f: (...leaves: numpy.Array[]) => numpy.Array, tree: T, ...more: T[]): T
  }
}

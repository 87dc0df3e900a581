import { UnsupportedError } from '../errors.js'
import { UNKNOWN_ADAPTER } from './read-device.js'

/** A device with what the engine needs to know of it. */
export interface DeviceContext {
  device: GPUDevice
  info: GPUAdapterInfo
  /** A CPU pretending to be a GPU: SwiftShader, llvmpipe, WARP. */
  isSoftware: boolean
  /** Whether `destroy` should destroy the device: not when the caller brought it. */
  owned: boolean
}

/** Which GPU to run on. */
export interface DeviceOptions {
  /**
   * An existing device (Node with Dawn, Deno, or one shared with another library), or a function that gives one: then
   * it is called again for another device when the one before is lost. The caller destroys what the caller brought.
   */
  device?: GPUDevice | (() => GPUDevice | Promise<GPUDevice>)
  /**
   * Whom to ask for a device: `navigator.gpu` unless given; on Node what `create` of the package webgpu gives, which the
   * caller must hold on to. Without meaning where a device is given.
   */
  gpu?: GPU
  /** Which of several GPUs to ask for; without meaning where a device is given. */
  powerPreference?: GPUPowerPreference
}

const BROWSERS = 'Chrome 113+, Edge 113+, Safari 26+ and Firefox 141+ have it'
const OPTIONAL_FEATURES: GPUFeatureName[] = ['timestamp-query']

/** There was an adapter once: where there is none later, the browser has given up on its GPU process. */
let adapterSeen = false

/**
 * Takes the caller's device or asks the browser for one.
 * Timestamps and larger buffer limits are requested where the adapter has them; nothing beyond WebGPU's defaults is
 * required.
 * @throws UnsupportedError with the reason and the way out.
 */
export async function acquireDevice(options: DeviceOptions): Promise<DeviceContext> {
  const { device: brought, powerPreference } = options
  if (brought) {
    const device = typeof brought === 'function' ? await brought() : brought
    const info = device.adapterInfo ?? UNKNOWN_ADAPTER // Firefox and Deno may not have it
    return { device, info, isSoftware: isSoftwareAdapter(info), owned: false }
  }
  const gpu = options.gpu ?? globalThis.navigator?.gpu
  if (!gpu) throw new UnsupportedError(missingReason())
  const adapter = await gpu.requestAdapter({ powerPreference })
  if (!adapter && options.gpu) {
    throw new UnsupportedError("createEngine.gpu gives no adapter: install or update the GPU's driver, or give another one")
  }
  if (!adapter && adapterSeen) {
    throw new UnsupportedError('the browser gave a GPU adapter before and gives none any more: reload the page, or restart the browser')
  }
  if (!adapter) {
    throw new UnsupportedError(
      'WebGPU is here but gives no adapter: the GPU or its driver is blocked or missing. Update the graphics driver, ' +
        'turn on "use graphics acceleration" in the browser\'s settings, or on Linux start Chrome with ' +
        '--enable-unsafe-webgpu --enable-features=Vulkan (add --use-webgpu-adapter=swiftshader for the software adapter)',
    )
  }
  adapterSeen ||= !options.gpu
  const requiredFeatures = OPTIONAL_FEATURES.filter((feature) => adapter.features.has(feature))
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits
  try {
    const own = await adapter.requestDevice({
      label: 'elbo',
      requiredFeatures,
      requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
    })
    const info = adapter.info ?? UNKNOWN_ADAPTER
    return { device: own, info, isSoftware: isSoftwareAdapter(info), owned: true }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new UnsupportedError(`the adapter refused a device: ${reason}. Reload the page, or restart the browser`, {
      cause: error,
    })
  }
}

function missingReason(): string {
  if (globalThis.isSecureContext === false) {
    return 'WebGPU is only offered to secure pages: open this one over https:// or from localhost'
  }
  const { userAgent } = globalThis.navigator ?? {}
  if (!userAgent || /^(Node|Deno|Bun)/.test(userAgent)) {
    return (
      "this runtime has no WebGPU: on Node npm install webgpu and import from 'elbo/node'; anywhere else hand in a " +
      'device, createEngine({ device })'
    )
  }
  return `this browser has no WebGPU; ${BROWSERS}`
}

function isSoftwareAdapter(info: GPUAdapterInfo): boolean {
  const words = [info.vendor, info.architecture, info.device, info.description].join(' ')
  return info.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|warp|basic render/i.test(words)
}

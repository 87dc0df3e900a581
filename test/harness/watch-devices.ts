/**
 * Watches every GPU device that is asked for from now on: its errors outside of any scope and its loss are stray ones.
 *
 * @param stray what is found is added to it
 * @param minimal whatever is asked for, devices have no optional feature and WebGPU's default limits
 */
export function watchDevices(stray: string[], minimal: boolean): void {
  const { requestDevice } = GPUAdapter.prototype
  GPUAdapter.prototype.requestDevice = async function (this: GPUAdapter, descriptor) {
    const device = await requestDevice.call(this, minimal ? { label: descriptor?.label } : descriptor)
    // A lost device reports no errors, says WebGPU; Firefox goes on to tell of buffers that were destroyed with it.
    let isDestroyed = false
    const destroy = device.destroy.bind(device)
    Object.defineProperty(device, 'destroy', {
      configurable: true,
      writable: true,
      value: () => {
        isDestroyed = true
        destroy()
      },
    })
    device.addEventListener('uncapturederror', ({ error }) => {
      if (!isDestroyed) stray.push(`uncaptured GPU error: ${error.message}`)
    })
    void device.lost.then(({ reason, message }) => {
      if (reason !== 'destroyed') stray.push(`GPU device lost: ${message}`)
    })
    return device
  }
}

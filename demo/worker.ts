import type { Request } from './messages.js'
import { Session } from './session.js'

const session = new Session((report, transfer = []) => postMessage(report, { transfer }))

/** Requests that change the model wait for each other; the others are answered in between. */
let changes = Promise.resolve()

addEventListener('message', ({ data: request }: MessageEvent<Request>) => {
  if (request.type === 'probe') session.probe(request.at)
  else if (request.type === 'place') session.place(request.pixels)
  else if (request.type === 'condition') session.condition(request.condition)
  else if (request.type === 'hold') session.hold(request.on)
  else changes = changes.then(() => handle(request)).catch(session.report)
})

function handle(request: Exclude<Request, { type: 'probe' | 'place' | 'condition' | 'hold' }>): Promise<void> {
  switch (request.type) {
    case 'start':
      return session.start(request.settings)
    case 'files':
      return session.openFiles(request.files, request.settings)
    case 'load':
      return session.load(request.bytes, request.settings)
    case 'resume':
      return session.resume()
    case 'pause':
      return session.pause()
    case 'step':
      return session.takeStep()
    case 'adjust':
      return session.adjust(request.learningRate, request.klWeight)
    case 'save':
      return session.save()
  }
}

import { hideBanner, showBanner } from './banner.js'
import { captions, softwareAdvice, softwareNote, unsupportedAdvice } from './captions.js'
import { CodeMap } from './code-map.js'
import { Controls } from './controls.js'
import { Curve } from '../src/tools/drawing/curve.js'
import { Drawing } from './drawing.js'
import { element } from './element.js'
import { Grid } from './grid.js'
import { History } from '../src/tools/drawing/history.js'
import { Labels } from './labels.js'
import type { ModelInfo, Point, Report, Request, RunState } from './messages.js'
import { Numbers } from './numbers.js'
import { Plane } from './plane.js'
import { formatHash, parseHash, type Settings } from './settings.js'
import { snippet } from './snippet.js'
import { Specimens } from './specimens.js'

const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
const send = (request: Request, transfer: Transferable[] = []) => worker.postMessage(request, transfer)
type Problem = Omit<Extract<Report, { type: 'problem' }>, 'type'>
const text = (id: string, content: string) => (element(id, HTMLElement).textContent = content)

let state: RunState = 'preparing'
let model: ModelInfo | undefined

const history = new History()
const numbers = new Numbers()
const curve = new Curve(history, [element('upper-pane', HTMLElement), element('lower-pane', HTMLElement)], (sample) =>
  numbers.hover(sample),
)
const probe = (at: Point) => send({ type: 'probe', at })
const grid = new Grid(probe)
const probeImage = element('probe', HTMLCanvasElement)
const plane = new Plane(element('plane', HTMLCanvasElement), probeImage, probe)
const codeMap = new CodeMap(element('codes', HTMLCanvasElement), probeImage, element('code-text', HTMLElement), probe)
const drawing = new Drawing((pixels) => send({ type: 'place', pixels }))
const labels = new Labels((condition) => send({ type: 'condition', condition }))
const specimens = new Specimens((image, label) => {
  if (label !== undefined) labels.choose(label)
  drawing.take(image)
})

const controls = new Controls({
  toggle() {
    if (state === 'learning') send({ type: 'pause' })
    else if (state === 'paused') send({ type: 'resume' })
    else if (state === 'stopped') start(controls.current)
  },
  step: () => send({ type: 'step' }),
  restart: start,
  adjust(settings) {
    showSettings(settings)
    send({ type: 'adjust', learningRate: settings.learningRate, klWeight: settings.klWeight })
  },
  async files(chosen, settings) {
    const files = await Promise.all(
      chosen.map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })),
    )
    hideBanner()
    send({ type: 'files', files, settings }, files.map(({ bytes }) => bytes.buffer))
  },
  save: () => send({ type: 'save' }),
  async load(file) {
    const bytes = new Uint8Array(await file.arrayBuffer())
    hideBanner()
    send({ type: 'load', bytes, settings: controls.current }, [bytes.buffer])
  },
})

function start(settings: Settings): void {
  hideBanner()
  model = undefined
  showSettings(settings)
  send({ type: 'start', settings })
}

function showSettings(settings: Settings): void {
  controls.show(settings)
  text('snippet', snippet(settings, model))
  window.history.replaceState(null, '', location.pathname + location.search + formatHash(settings))
}

function showModel(begun: ModelInfo): void {
  model = begun
  showSettings(begun.settings)
  element('waiting', HTMLElement).hidden = false
  document.body.dataset.grid = begun.grid
  for (const part of [curve, numbers, labels, specimens, grid, plane, codeMap, drawing]) part.begin(begun)
  showCaptions(begun)
}

function showCaptions(begun: ModelInfo): void {
  const said = captions(begun)
  text('total-name', said.total)
  text('code-name', said.code)
  text('loss-text', said.loss)
  text('in-and-out-text', said.inAndOut)
  text('grid-title', said.gridTitle)
  text('grid-text', said.grid)
  text('plane-title', said.planeTitle)
  text('plane-text', said.plane)
  text('draw-text', said.draw)
  text('code-count', String(begun.codes?.count))
  element('sum', HTMLElement).hidden = element('code-cost', HTMLElement).hidden = begun.latent === 'deterministic'
  element('usage', HTMLElement).hidden = !begun.codes
  element('upper-pane', HTMLElement).ariaLabel = `${said.total} and reconstruction over the steps`
  element('lower-pane', HTMLElement).ariaLabel = `${begun.codes ? 'Perplexity and codes in use' : 'KL'} over the steps`
}

function showState(now: RunState): void {
  state = now
  const toggle = element('toggle', HTMLButtonElement)
  toggle.textContent = now === 'learning' ? 'Pause' : 'Start'
  toggle.disabled = now === 'preparing'
  element('step', HTMLButtonElement).disabled = now === 'preparing' || now === 'stopped'
  element('save', HTMLButtonElement).disabled = now === 'preparing' || now === 'stopped'
  text('waiting', now === 'preparing' ? 'Preparing the model…' : now === 'learning' ? 'Waiting for the first step…' : '')
  text('status', { preparing: 'Preparing the model', learning: 'Learning', paused: 'Paused', stopped: 'Stopped' }[now])
}

function showProblem({ code, message, settings }: Problem): void {
  if (settings) showSettings(settings)
  const restart = { title: 'Restart', onClick: () => start(controls.current) }
  document.body.classList.toggle('unsupported', code === 'unsupported')
  if (code === 'unsupported') showBanner(`${message}.`, { advice: unsupportedAdvice, open: true })
  else if (code === 'device-lost' || code === 'numeric') showBanner(`${message}.`, { button: restart })
  else showBanner(`Something went wrong: ${message}`)
}

function download(bytes: Uint8Array<ArrayBuffer>, step: number): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([bytes]))
  link.download = `elbo-${controls.current.preset}-step-${step}.safetensors`
  link.click()
  URL.revokeObjectURL(link.href)
}

function receive(report: Report): void {
  switch (report.type) {
    case 'engine':
      text('adapter', report.adapter)
      if (report.software) showBanner(softwareNote(report.adapter), { advice: softwareAdvice })
      return
    case 'model':
      return showModel(report.model)
    case 'state':
      return showState(report.state)
    case 'progress':
      element('waiting', HTMLElement).hidden = true
      history.add(report.progress)
      numbers.show(report.progress)
      return curve.draw()
    case 'pictures':
      specimens.show(report.pictures)
      grid.show(report.pictures)
      return plane.showPoints(report.pictures.points)
    case 'probed':
      grid.mark(report.probed.at)
      return model?.codes ? codeMap.showProbed(report.probed) : plane.showProbed(report.probed)
    case 'landed':
      drawing.show(report.landing)
      codeMap.showLanding(report.landing)
      return plane.showLanding(report.landing)
    case 'saved':
      return download(report.bytes, report.step)
    case 'problem':
      return showProblem(report)
    case 'notice':
      return showBanner(report.message)
  }
}

/** A hand on the plane or the pad comes first. */
for (const id of ['plane', 'codes', 'pad']) {
  const canvas = element(id, HTMLCanvasElement)
  canvas.addEventListener('pointerdown', () => send({ type: 'hold', on: true }))
  for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, () => send({ type: 'hold', on: false }))
}

worker.onmessage = ({ data }: MessageEvent<Report>) => receive(data)
worker.onerror = (event) => {
  event.preventDefault()
  showState('stopped')
  showProblem({ code: 'worker', message: event.message || 'the worker that trains did not start; reload the page' })
}
window.onhashchange = () => start(parseHash(location.hash))
start(parseHash(location.hash))

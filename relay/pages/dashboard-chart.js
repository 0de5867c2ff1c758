// A chart on a canvas: lines or stacked bars over time. Where there was no answer is a gap: shaded, with nothing drawn across.

import { clock } from './dashboard-units.js'

const LONGEST_STEP = 2500 // milliseconds between samples that belong together
const PAD = { top: 16, bottom: 1 } // above the axis stands what its end means
const THINNEST_BAR = 1.5
const LABEL_WIDTH = 110 // that of an axis and of a moment side by side

/** The samples of the last `span` milliseconds, in order; those without figures stand for a time without an answer. */
export class History {
  #span

  constructor(span) {
    this.#span = span
    this.samples = []
  }

  /** A clock that was set back takes what is later with it. */
  add(sample) {
    this.samples = this.samples.filter(({ time }) => time < sample.time && time >= sample.time - this.#span)
    this.samples.push(sample)
  }

  /** Of these times those that it still knows of: from its first sample to its last. */
  within(times) {
    const [first, last] = [this.samples[0]?.time, this.samples.at(-1)?.time]
    return times.filter(time => time >= first && time <= last)
  }

  /** The samples to be drawn, with one more before the window, so that its first line begins at the edge. */
  since(time) {
    const first = this.samples.findIndex(sample => sample.time >= time)
    return first < 0 ? [] : this.samples.slice(Math.max(first - 1, 0))
  }

  /** The sample with an answer that is nearest to a time, not further than a step from it. */
  nearest(time) {
    const known = this.samples.filter(({ figures }) => figures)
    const distance = sample => Math.abs(sample.time - time)
    const best = known.reduce((best, sample) => (best && distance(best) <= distance(sample) ? best : sample), null)
    return best && distance(best) <= LONGEST_STEP ? best : null
  }
}

/** Pieces of a line that belong together: arrays of [time, value]. */
export function piecesOf(samples, read) {
  const pieces = []
  let piece = null
  for (const { time, figures } of samples) {
    const value = figures ? read(figures) : null
    if (value === null || value === undefined) {
      piece = null
      continue
    }
    if (piece === null || time - piece.at(-1)[0] > LONGEST_STEP) pieces.push((piece = []))
    piece.push([time, value])
  }
  return pieces
}

/** [from, to] of each time without an answer between the first sample and `end`. */
export function gapsOf(samples, end) {
  const gaps = []
  const known = samples.filter(({ figures }) => figures)
  known.forEach(({ time }, i) => {
    const next = known[i + 1]?.time ?? end
    const hasFailed = samples.some(sample => !sample.figures && sample.time > time && sample.time < next)
    if (hasFailed || next - time > LONGEST_STEP) gaps.push([time, next])
  })
  return gaps
}

/** Draws what `plot` says: { samples, gaps, start, end, top, lines, stacks, marks, cursor, labels, colours }. */
export function draw(canvas, plot) {
  const ratio = window.devicePixelRatio || 1
  const [width, height] = [canvas.clientWidth, canvas.clientHeight]
  if (!width || !height) return
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(height * ratio)
  }
  const context = canvas.getContext('2d')
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, width, height)
  const x = time => ((time - plot.start) / (plot.end - plot.start)) * width
  const y = value => PAD.top + (height - PAD.top - PAD.bottom) * (1 - value / plot.top)
  const area = { context, x, y, width, height }
  drawGaps(area, plot)
  drawGrid(area, plot)
  drawBars(area, plot)
  for (const line of plot.lines.toReversed()) drawLine(area, line, plot.samples)
  drawMarks(area, plot)
  drawCursor(area, plot)
}

function drawGaps({ context, x, height }, { gaps, colours }) {
  context.fillStyle = colours.gap
  for (const [from, to] of gaps) context.fillRect(x(from), PAD.top, x(to) - x(from), height - PAD.top)
}

function drawGrid({ context, x, y, width }, { top, label, cursor, colours }) {
  context.lineWidth = 1
  for (const value of [top, top / 2, 0]) {
    context.strokeStyle = value ? colours.grid : colours.base
    const at = Math.round(y(value)) - 0.5
    context.beginPath()
    context.moveTo(0, at)
    context.lineTo(width, at)
    context.stroke()
  }
  context.font = colours.font
  context.fillStyle = colours.faint
  context.textBaseline = 'bottom'
  context.textAlign = 'left'
  if (!cursor || x(cursor.time) > LABEL_WIDTH) context.fillText(label, 0, y(top) - 3)
}

/** Parts on top of each other, each bar as wide as the time it stands for. */
function drawBars({ context, x, y }, { samples, stacks }) {
  samples.forEach(({ time, figures }, i) => {
    const before = samples[i - 1]
    if (!figures || !before?.figures || time - before.time > LONGEST_STEP) return
    const right = Math.round(x(time))
    const width = Math.max(right - Math.round(x(before.time)), THINNEST_BAR)
    let sum = 0
    for (const { read, colour } of stacks) {
      const value = read(figures) ?? 0
      if (!value) continue
      context.fillStyle = colour
      context.fillRect(right - width, y(sum + value), width, y(sum) - y(sum + value))
      sum += value
    }
  })
}

function drawLine({ context, x, y }, { read, colour, width, isFilled }, samples) {
  context.lineWidth = width
  context.lineJoin = 'round'
  context.strokeStyle = context.fillStyle = colour
  for (const piece of piecesOf(samples, read)) {
    const [[first]] = piece
    context.beginPath()
    if (piece.length === 1) context.fillRect(x(first) - width / 2, y(piece[0][1]) - width / 2, width, width)
    for (const [time, value] of piece) context.lineTo(x(time), y(value))
    context.stroke()
    if (isFilled) fillBelow(context, x(first), x(piece.at(-1)[0]), y(0))
  }
}

function fillBelow(context, from, to, base) {
  context.lineTo(to, base)
  context.lineTo(from, base)
  context.globalAlpha = 0.12
  context.fill()
  context.globalAlpha = 1
}

/** When the relay was started again. */
function drawMarks({ context, x, height }, { marks, colours }) {
  context.strokeStyle = colours.mark
  context.lineWidth = 1
  context.setLineDash([3, 3])
  for (const time of marks) drawVertical(context, Math.round(x(time)) + 0.5, height)
  context.setLineDash([])
}

function drawCursor({ context, x, y, height }, { cursor, lines, colours }) {
  if (!cursor) return
  context.strokeStyle = colours.cursor
  context.lineWidth = 1
  drawVertical(context, Math.round(x(cursor.time)) + 0.5, height)
  context.fillStyle = colours.cursor
  context.textAlign = x(cursor.time) > LABEL_WIDTH ? 'right' : 'left'
  context.fillText(clock(cursor.time), x(cursor.time), PAD.top - 3)
  for (const { read, colour } of lines) {
    const value = read(cursor.figures)
    if (value === null || value === undefined) continue
    context.fillStyle = colour
    context.beginPath()
    context.arc(x(cursor.time), y(value), 3, 0, 2 * Math.PI)
    context.fill()
  }
}

function drawVertical(context, at, height) {
  context.beginPath()
  context.moveTo(at, PAD.top)
  context.lineTo(at, height)
  context.stroke()
}

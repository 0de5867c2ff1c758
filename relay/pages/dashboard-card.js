// One card: a figure in large type, its chart, who makes it up. All text from the relay goes through textContent.

import { draw } from './dashboard-chart.js'
import { growthOf, resourcesOf, withPrefix } from './dashboard-rates.js'
import { bytes, ceiling, clock, count, fold, joined, plainName, rate, share } from './dashboard-units.js'

const LINE = 1.75
const WORKER_LINE = 1
const MOST_READERS = 10
const MOST_PARTS = 50 // rows of a table; a relay has fewer reasons and close codes
const STEPS = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -30,
  PageUp: 30,
  Home: -Infinity,
  End: Infinity
}

/** An element with a class, a text and children. */
export function element(tag, className, ...children) {
  const made = document.createElement(tag)
  if (className) made.className = className
  made.append(...children)
  return made
}

/** What is new only: rewriting the same text would make work, and lose a selection. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text
}

export class Card {
  #definition
  #number = element('span', 'number', '–')
  #unit = element('span', 'unit')
  #note = element('p', 'note')
  #canvas = element('canvas')
  #plot = element('div', 'plot', this.#canvas)
  #legend = element('ul', 'legend')
  #table = null
  #ranks = null
  #resources = null
  #isBarred
  #view = null
  #places = new Map() // of the colours of parts, by their names; those that find none free share the last

  /** `move` is called when the pointer or a key asks for another moment, with null for now. */
  constructor(definition, move) {
    this.#definition = definition
    this.#isBarred = Boolean(definition.parts || definition.isBars)
    this.root = element(
      'article',
      `card ${definition.id}`,
      element('h3', '', definition.title),
      element('p', 'value', this.#number, this.#unit),
      this.#note,
      this.#plot,
      this.#legend
    )
    if (definition.parts) this.#table = this.#addTable(definition.parts.heading, 'per s', 'since start')
    if (definition.hasResources) this.#resources = this.#addTable('Resource', 'left', 'load may grow to')
    if (definition.isRanked) this.root.append((this.#ranks = element('ol', 'ranks')))
    this.root.dataset.card = definition.id
    this.#listen(move)
  }

  #addTable(...titles) {
    const head = element('tr', '')
    for (const title of titles) {
      const cell = element('th', '', title)
      cell.scope = 'col'
      head.append(cell)
    }
    const body = element('tbody', '')
    this.root.append(element('table', '', element('thead', '', head), body))
    return body
  }

  #listen(move) {
    const plot = this.#plot
    plot.tabIndex = 0
    plot.setAttribute('role', 'slider')
    plot.setAttribute('aria-label', `${this.#definition.title}, over time`)
    plot.setAttribute('aria-valuemax', '0')
    plot.setAttribute('aria-valuenow', '0')
    const point = event => {
      const { left, width } = plot.getBoundingClientRect()
      move({ share: Math.min(Math.max((event.clientX - left) / width, 0), 1) })
    }
    plot.addEventListener('pointermove', point)
    plot.addEventListener('pointerdown', point)
    plot.addEventListener('pointerleave', event => event.pointerType === 'mouse' && move({ hasLeft: true }))
    plot.addEventListener('blur', () => move(null))
    plot.addEventListener('keydown', event => {
      const steps = STEPS[event.key]
      if (event.key === 'Escape') move(null)
      else if (steps === undefined) return
      else move({ steps })
      event.preventDefault()
      this.speak()
    })
    plot.addEventListener('focus', () => this.speak())
  }

  /** Tell a screen reader the moment that is shown: when it is asked for, not every second. */
  speak() {
    if (!this.#view) return
    const { cursor, end, start } = this.#view
    const when = cursor ? `at ${clock(cursor.time)}` : 'now'
    this.#plot.setAttribute('aria-valuemin', String(Math.round((start - end) / 1000)))
    this.#plot.setAttribute('aria-valuenow', String(cursor ? Math.round((cursor.time - end) / 1000) : 0))
    this.#plot.setAttribute('aria-valuetext', `${this.#number.textContent} ${this.#unit.textContent} ${when}`)
  }

  /** `view` is what all cards show at once: samples, the window of time, the moment, colours. */
  show(view) {
    this.#view = view
    const { read, unit, note } = this.#definition
    const figures = view.shown?.total ?? null
    const [number, unitText] = unit(figures && read(figures))
    setText(this.#number, number)
    setText(this.#unit, unitText)
    setText(this.#note, figures ? note(figures) : '')
    const lines = this.#lines(view)
    this.#showLegend(lines, view)
    if (this.#resources) this.#showResources(figures)
    if (this.#table) this.#showParts(figures, view)
    if (this.#ranks) this.#showRanks(figures?.backlogs.slice(0, MOST_READERS) ?? [])
    this.#draw(lines, view)
  }

  /** Of all together, and when there are several workers of each. What is drawn as bars has no lines, but a legend. */
  #lines({ workers, colours }) {
    const { read, also, name = 'all' } = this.#definition
    const several = workers.length > 1
    const all = { name, read: figures => read(figures.total), colour: colours.lines[0], width: LINE, isFilled: !several && !also }
    const second = also && { name: also.name, read: figures => also.read(figures.total), colour: colours.lines[1], width: LINE }
    const shared = [all, ...(second ? [second] : [])]
    const ofWorkers = workers.map((worker, i) => ({
      name: `worker ${worker}`,
      read: figures => (figures.workers.has(worker) ? read(figures.workers.get(worker)) : null),
      colour: colours.lines[(i + shared.length) % colours.lines.length],
      width: WORKER_LINE
    }))
    return several ? [...shared, ...ofWorkers] : shared
  }

  #stacks(colours) {
    const { parts, isBars, read } = this.#definition
    if (isBars) return [{ read: figures => read(figures.total), colour: colours.lines[0] }]
    if (!parts) return []
    const stacks = [...this.#places].map(([part, place]) => ({
      read: ({ total }) => total.rates?.[parts.prefix + part] ?? 0,
      colour: colours.lines[place]
    }))
    const others = ({ total }) => withPrefix(total.rates, parts.prefix).filter(([part]) => !this.#places.has(part))
    const sum = figures => others(figures).reduce((sum, [, value]) => sum + value, 0)
    return [...stacks, { read: sum, colour: colours.lines.at(-1) }]
  }

  #draw(lines, view) {
    const { unit, least, isBytes } = this.#definition
    const values = view.samples.flatMap(({ figures }) => (figures ? lines.map(({ read }) => read(figures) ?? 0) : []))
    const most = values.reduce((most, value) => Math.max(most, value), 0)
    const top = ceiling(most, least, isBytes)
    const drawn = this.#isBarred ? [] : lines
    draw(this.#canvas, { ...view, lines: drawn, stacks: this.#stacks(view.colours), top, label: joined(unit(top)) })
  }

  #showLegend(lines, { shown }) {
    const { unit } = this.#definition
    this.#legend.hidden = lines.length < 2
    fit(this.#legend, lines.length, () => element('li', '', swatch(), element('span', 'name'), element('span', 'amount')))
    ;[...this.#legend.children].forEach((item, i) => {
      const [swatch, name, amount] = item.children
      swatch.hidden = this.#isBarred
      swatch.style.backgroundColor = lines[i].colour
      setText(name, lines[i].name)
      setText(amount, joined(unit(shown ? lines[i].read(shown) : null)))
    })
  }

  #showParts(figures, { colours }) {
    const { prefix, nameOf, none } = this.#definition.parts
    const parts = withPrefix(figures?.counters, prefix)
      .filter(([, total]) => total > 0)
      .sort(([, one], [, other]) => other - one)
      .slice(0, MOST_PARTS)
    this.#givePlaces(parts.map(([part]) => part), colours.lines.length - 1)
    const colourOf = part => colours.lines[this.#places.get(part) ?? colours.lines.length - 1]
    fit(this.#table, parts.length, newRow)
    parts.forEach(([part, total], i) => {
      const [head, perSecond, sinceStart] = this.#table.children[i].children
      head.children[0].style.backgroundColor = colourOf(part)
      setText(head.children[1], nameOf(part))
      setText(perSecond, rate(figures.rates && (figures.rates[prefix + part] ?? 0))[0])
      setText(sinceStart, joined(count(total)))
    })
    this.#table.parentElement.hidden = !parts.length
    if (figures && !parts.length) setText(this.#note, none)
  }

  /** The first keep theirs for as long as they are told of: a colour means the same from one moment to the next. */
  #givePlaces(parts, most) {
    for (const part of parts.filter(part => !this.#places.has(part))) {
      const idle = [...this.#places.keys()].find(known => !parts.includes(known))
      if (this.#places.size < most) this.#places.set(part, this.#places.size)
      else if (idle !== undefined) this.#movePlace(idle, part)
    }
  }

  #movePlace(from, to) {
    const place = this.#places.get(from)
    this.#places.delete(from)
    this.#places.set(to, place)
  }

  /** Without swatches: the lines are those of workers. */
  #showResources(figures) {
    const resources = resourcesOf(figures?.headroom ?? {})
    fit(this.#resources, resources.length, newRow)
    resources.forEach(([name, left], i) => {
      const [head, amount, growth] = this.#resources.children[i].children
      head.children[0].hidden = true
      setText(head.children[1], plainName(name))
      setText(amount, joined(share(left)))
      setText(growth, joined(fold(growthOf(left))))
    })
    this.#resources.parentElement.hidden = !resources.length
  }

  #showRanks(backlogs) {
    fit(this.#ranks, backlogs.length, () => element('li', '', element('span', 'bar'), element('span', 'amount')))
    backlogs.forEach((backlog, i) => {
      const [bar, amount] = this.#ranks.children[i].children
      bar.style.width = `${(100 * backlog) / Math.max(backlogs[0], 1)}%`
      setText(amount, joined(bytes(backlog)))
    })
  }
}

const swatch = () => element('i', 'swatch')

function newRow() {
  const head = element('th', '', swatch(), element('span', 'name'))
  head.scope = 'row'
  return element('tr', '', head, element('td', ''), element('td', ''))
}

/** So many children, made or taken away at the end. */
function fit(parent, length, make) {
  while (parent.children.length > length) parent.lastElementChild.remove()
  while (parent.children.length < length) parent.append(make())
}

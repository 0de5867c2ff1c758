// The dashboard: asks /api/stats each second while it can be seen, and shows what has come. Nothing is kept but in this page.

import { Card, element, setText } from './dashboard-card.js'
import { History, gapsOf } from './dashboard-chart.js'
import { SECTIONS, summary } from './dashboard-figures.js'
import { ShapeError, figuresOf, hasRestarted, readSnapshot, textOf } from './dashboard-rates.js'
import { clock, count, joined, span } from './dashboard-units.js'

const INTERVAL = 1000
const ANSWER_TIMEOUT = 5000
const SUMMARY_INTERVAL = 60000
const SPANS = [60, 300, 900] // seconds; the last is all that is kept
const TOKEN = 'relay-admin-token'

const page = name => document.getElementById(name)

class TokenNeeded extends Error {}

const history = new History(SPANS.at(-1) * 1000)
let marks = [] // when the relay was started again, within the same time
const board = { before: null, cursor: null, isPointed: false, chosenSpan: null, silentSince: null, spokenAt: 0 }
const cards = SECTIONS.flatMap(addSection)
const spanButtons = SPANS.map(addSpanButton)
let colours = readColours()
let token = readToken()
let timer = null
let isAsking = false

function addSection({ title, cards }) {
  const made = cards.map(definition => new Card(definition, moveCursor))
  const grid = element('div', 'grid', ...made.map(({ root }) => root))
  page('board').append(element('section', '', element('h2', '', title), grid))
  return made
}

function addSpanButton(seconds) {
  const button = element('button', '', `${seconds / 60} min`)
  button.type = 'button'
  button.addEventListener('click', () => {
    board.chosenSpan = seconds
    render()
  })
  page('spans').append(button)
  return button
}

function readColours() {
  const style = getComputedStyle(document.documentElement)
  const read = name => style.getPropertyValue(`--${name}`).trim()
  return {
    lines: [1, 2, 3, 4, 5, 6].map(i => read(`line-${i}`)),
    grid: read('grid'),
    base: read('base'),
    gap: read('gap'),
    mark: read('warn'),
    cursor: read('muted'),
    faint: read('faint'),
    font: `10px ${getComputedStyle(document.body).fontFamily}`
  }
}

// --- asking -----------------------------------------------------------------------------------------------------------------

async function poll() {
  clearTimeout(timer)
  if (isAsking || document.hidden) return
  isAsking = true
  const begunAt = Date.now()
  try {
    take(await ask())
  } catch (error) {
    fail(error)
  } finally {
    isAsking = false
  }
  render()
  const isAllowed = document.body.dataset.state !== 'token'
  if (isAllowed) timer = setTimeout(poll, Math.max(INTERVAL - (Date.now() - begunAt), 0))
}

async function ask() {
  const headers = token ? { authorization: `Bearer ${token}` } : {}
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT)
  const response = await fetch('api/stats', { headers, cache: 'no-store', signal })
  if (response.status === 401) throw new TokenNeeded()
  const answer = await response.json().catch(error => {
    throw error instanceof SyntaxError ? new ShapeError(`it answers ${response.status}, without JSON`) : error
  })
  if (!response.ok) throw new ShapeError(`it answers ${response.status}, ${textOf(answer?.error) || 'without a reason'}`)
  return readSnapshot(answer)
}

function take(snapshot) {
  const { before } = board
  const time = Date.now()
  history.add({ time, figures: figuresOf(before, snapshot) })
  marks = history.within(before && hasRestarted(before, snapshot) ? [...marks, time] : marks)
  board.before = snapshot
  board.silentSince = null
  page('token-form').hidden = true
  if (snapshot.isDraining) enter('draining', 'Draining: everyone is being closed')
  else enter('live', 'Live')
}

function fail(error) {
  history.add({ time: Date.now(), figures: null })
  if (error instanceof TokenNeeded) return askForToken()
  board.silentSince ??= Date.now()
  const since = clock(board.silentSince)
  if (error instanceof ShapeError) enter('odd', `Not understood since ${since}: ${error.message}`)
  else enter('silent', `No answer since ${since}; still trying`)
}

function enter(state, text) {
  const isNew = document.body.dataset.state !== state
  document.body.dataset.state = state
  setText(page('state-text'), text)
  if (!isNew) return
  setText(page('announcement'), text)
  document.title = state === 'live' ? 'Relay' : `${text} – Relay`
}

// --- the token --------------------------------------------------------------------------------------------------------------

function readToken() {
  try {
    return sessionStorage.getItem(TOKEN) ?? ''
  } catch {
    return '' // a browser that keeps nothing
  }
}

function keepToken() {
  try {
    sessionStorage.setItem(TOKEN, token)
  } catch {
    // it holds until the page is left
  }
}

function askForToken() {
  enter('token', 'Token needed')
  setText(page('token-note'), token ? 'This token is not the one.' : 'It is kept until this tab is closed.')
  if (!page('token-form').hidden) return
  page('token-form').hidden = false
  page('token').focus()
}

page('token-form').addEventListener('submit', event => {
  event.preventDefault()
  const given = page('token').value.trim()
  if (!/^[\x21-\x7e]+$/.test(given))
    return setText(page('token-note'), 'A token is made of printable ASCII, without spaces.')
  token = given
  page('token').value = ''
  keepToken()
  enter('connecting', 'Connecting')
  poll()
})

// --- showing ----------------------------------------------------------------------------------------------------------------

/** What was chosen, or the shortest that shows all there is. */
function shownSpan(now) {
  const seconds = (now - (history.samples[0]?.time ?? now)) / 1000
  return board.chosenSpan ?? SPANS.find(span => span >= seconds) ?? SPANS.at(-1)
}

function render() {
  const now = Date.now()
  const seconds = shownSpan(now)
  const start = now - seconds * 1000
  const samples = history.since(start)
  const last = history.samples.at(-1)
  const cursor = board.cursor === null ? null : history.nearest(board.cursor)
  const shown = (board.cursor === null ? last : cursor)?.figures ?? null
  const view = {
    samples,
    start,
    end: now,
    gaps: gapsOf(samples, now),
    marks: marks.filter(time => time > start),
    workers: workersOf(samples),
    cursor,
    shown,
    colours
  }
  for (const card of cards) card.show(view)
  spanButtons.forEach((button, i) => button.setAttribute('aria-pressed', String(SPANS[i] === seconds)))
  showMoment(cursor, now)
  showFacts(shown)
  speak(shown, now)
}

const workersOf = samples =>
  [...new Set(samples.flatMap(({ figures }) => [...(figures?.workers.keys() ?? [])]))].sort((a, b) => a - b)

function showMoment(cursor, now) {
  const ago = cursor && Math.round((now - cursor.time) / 1000)
  const text = cursor ? `${clock(cursor.time)}, ${span(ago)} ago` : board.cursor === null ? clock(now) : 'no answer then'
  setText(page('moment'), text)
  document.body.classList.toggle('looking-back', board.cursor !== null)
}

function showFacts(shown) {
  const { before } = board
  if (!before) return
  setText(page('version'), before.version)
  const gauges = shown?.total.gauges ?? {}
  const number = name => (gauges[name] === undefined ? '–' : joined(count(gauges[name])))
  const facts = [
    ['Up', before.started ? span(Math.max(before.date - before.started, 0) / 1000) : '–'],
    ['Limits', before.limits || '–'],
    ['Workers', String(before.workers.length)],
    ['Handshakes', number('handshakes')],
    ['Open files', gauges.file_limit ? `${number('open_files')} of ${number('file_limit')}` : number('open_files')]
  ]
  const list = page('facts')
  while (list.children.length < facts.length) list.append(element('div', '', element('dt', ''), element('dd', '')))
  facts.forEach(([name, value], i) => {
    setText(list.children[i].children[0], name)
    setText(list.children[i].children[1], value)
  })
}

/** A sentence a minute for who listens; a change of state is told at once. */
function speak(shown, now) {
  if (!shown?.total.rates || board.cursor !== null || now - board.spokenAt < SUMMARY_INTERVAL) return
  board.spokenAt = now
  setText(page('announcement'), summary(shown.total))
}

// --- another moment ---------------------------------------------------------------------------------------------------------

/** `where` is a share of the window, or steps from one answer to another, or null for now. What a pointer chose goes with it. */
function moveCursor(where) {
  if (where?.hasLeft && !board.isPointed) return
  board.isPointed = where?.share !== undefined
  if (where?.steps !== undefined) board.cursor = timeAfter(where.steps)
  else board.cursor = board.isPointed ? timeAt(where.share) : null
  render()
}

const timeAt = share => {
  const now = Date.now()
  return now - shownSpan(now) * 1000 * (1 - share)
}

function timeAfter(steps) {
  const known = history.samples.filter(({ figures }) => figures)
  const current = board.cursor === null ? known.at(-1) : history.nearest(board.cursor)
  const place = Math.min(Math.max(known.indexOf(current) + steps, 0), known.length - 1)
  return known[place]?.time ?? null
}

// --- the page itself --------------------------------------------------------------------------------------------------------

document.addEventListener('visibilitychange', poll) // what was not asked while it was hidden is a gap
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  colours = readColours()
  render()
})
addEventListener('resize', render)
poll()

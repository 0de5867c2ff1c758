// The log of a channel: bounded, and added to in batches.

import { foreign, make, stamp } from './page-elements.js'
import { indented } from './page-json.js'
import { Moves } from './page-moves.js'

const MAX_ENTRIES = 500
const BATCH_MS = 30
const CUT_CHARACTERS = 1500
const CUT_LINES = 24
const GROUPED_MS = 120_000
const CLOSE_TO_END_PX = 48
const MOVES_APART = 5

export class Log {
  #waiting = []
  #timer = 0
  #last = null // the newest message: who wrote it, and when
  #moves = null // the newest note on who came and went
  #movesInRow = 0 // such notes with nothing between them
  #staysAtEnd = true
  #height = 0 // of the log when it was last moved to its end

  constructor(root, newer, onPick) {
    this.root = root
    this.newer = newer
    this.onPick = onPick
    newer.addEventListener('click', () => this.#toEnd())
    root.addEventListener('scroll', () => this.#look(), { passive: true })
    new ResizeObserver(() => { if (this.#staysAtEnd) this.#toEnd() }).observe(root) // a phone's keyboard, a growing message field
  }

  clear() {
    this.#waiting = []
    this.#last = this.#moves = null
    this.root.replaceChildren()
    this.#toEnd()
  }

  /** `payload` is JSON as it was sent; `to` names the recipient of a direct message of one's own. */
  message({ uid, alias, date, payload, own, to }) {
    const entry = make('article', 'entry message')
    entry.classList.toggle('own', own)
    entry.classList.toggle('direct', Boolean(to))
    entry.classList.toggle('follows', this.#follows(uid, date, to))
    entry.append(this.#head({ uid, alias, date, own, to }), bodyOf(payload))
    this.#last = to ? null : { uid, date }
    this.#add(entry)
  }

  note(text, kind = 'note') {
    this.#last = null
    this.#add(make('p', `entry ${kind}`, foreign('', text), stamp(Date.now())))
  }

  problem(text) {
    this.note(text, 'problem')
  }

  /**
   * Someone joined or left. Those without a name share a note, and so does everyone after a few in a row: or a crowd that comes
   * back would push what is said out of the log.
   */
  move({ alias, uid }, verb, total) {
    const name = alias || uid
    const follows = this.#moves && this.#newest() === this.#moves.entry
    if (!follows) this.#movesInRow = 0
    const isShared = follows && (this.#movesInRow >= MOVES_APART || (!name && this.#moves.isNameless))
    if (!isShared) {
      this.#moves = new Moves()
      this.#movesInRow += 1
      this.#last = null
      this.#add(this.#moves.entry)
    }
    this.#moves.add(name, verb, total)
  }

  #newest() {
    return this.#waiting.at(-1) ?? this.root.lastElementChild
  }

  #follows(uid, date, to) {
    return !to && Boolean(uid) && this.#last?.uid === uid && date - this.#last.date < GROUPED_MS
  }

  #head({ uid, alias, date, own, to }) {
    const head = make('p', 'head', uid ? this.#sender({ uid, alias, own }) : make('span', 'who', foreign('', alias || 'No name')))
    if (!uid) head.append(make('span', 'uid', 'over HTTP')) // published by a request, which nobody can answer
    else if (alias) head.append(make('span', 'uid', uid))
    if (to) head.append(make('span', 'tag', 'only to ', foreign('', to)))
    head.append(stamp(date))
    return head
  }

  #sender({ uid, alias, own }) {
    const who = make('button', 'who', foreign('', alias || uid))
    who.type = 'button'
    who.title = own ? 'This is you' : `Send to ${uid} only`
    who.addEventListener('click', () => this.onPick(uid, alias))
    return who
  }

  #add(entry) {
    this.#waiting.push(entry)
    if (this.#waiting.length > MAX_ENTRIES) this.#waiting.shift()
    this.#timer ||= setTimeout(() => this.#flush(), BATCH_MS)
  }

  #flush() {
    this.#timer = 0
    this.#look()
    this.root.append(...this.#waiting.splice(0))
    while (this.root.childElementCount > MAX_ENTRIES) this.root.firstElementChild.remove()
    if (this.#staysAtEnd) this.#toEnd()
    else this.newer.hidden = false
  }

  #look() {
    const { scrollHeight, scrollTop, clientHeight } = this.root
    if (this.#staysAtEnd && clientHeight !== this.#height) return // it was the window that moved: the observer comes next
    this.#staysAtEnd = scrollHeight - scrollTop - clientHeight < CLOSE_TO_END_PX
    if (this.#staysAtEnd) this.newer.hidden = true
  }

  #toEnd() {
    this.#staysAtEnd = true
    this.#height = this.root.clientHeight
    this.root.scrollTop = this.root.scrollHeight
    this.newer.hidden = true
  }
}

function bodyOf(payload) {
  const isText = payload.startsWith('"')
  const whole = wordsOf(payload)
  const body = make('div', isText ? 'body text' : 'body json')
  const text = make(isText ? 'div' : 'pre', '')
  text.dir = isText ? 'auto' : 'ltr'
  const short = cut(whole)
  text.textContent = short
  body.append(text)
  if (short !== whole) body.append(showAll(text, payload, whole.length))
  return body
}

const wordsOf = payload => (payload.startsWith('"') ? JSON.parse(payload) : indented(payload))

function cut(text) {
  const lines = text.split('\n', CUT_LINES + 1).slice(0, CUT_LINES).join('\n')
  const short = lines.slice(0, CUT_CHARACTERS)
  return short.length < text.length ? `${short.replace(/[\uD800-\uDBFF]$/, '')}…` : text
}

// The payload is kept, not what is to be shown: indented, brackets in brackets take forty times the room, and there are many entries.
function showAll(text, payload, length) {
  const button = make('button', 'more', `Show all ${length.toLocaleString('en')} characters`)
  button.type = 'button'
  button.addEventListener('click', () => {
    text.textContent = wordsOf(payload)
    button.remove()
  })
  return button
}

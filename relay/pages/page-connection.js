// One channel's WebSocket: what arrives on it, why it closes, when it is opened again.

import { home, urlOf } from './page-address.js'

const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 20_000
const STABLE_MS = 5_000 // only a connection that held so long makes the next delay short again
const PAYLOAD_KEY = ',"message":' // in a string its quotes would be escaped, so the first one is the envelope's own

const CLOSES = {
  1001: 'The relay is shutting down or restarting.',
  1002: 'The relay saw a broken frame.',
  1006: 'The connection was lost.',
  1007: 'The relay saw text that is not UTF-8.',
  1009: 'A message was larger than this relay accepts, so it was not sent.',
  1011: 'The channel failed inside the relay.',
  1012: 'The relay is restarting.',
  1013: 'This page was too slow to keep up with the channel.',
}
const KICKED = 1008
const REFUSED = {
  text: 'The relay answers but refused this connection. The channel may need a join key, or the one given is wrong; or this address connected too often.',
  mayNeedKey: true,
}

export class Connection {
  #socket = null
  #timer = 0
  #failures = 0
  #openedAt = 0
  #joined = false
  #ended = false

  /** `on.event(event, payload)` gets what arrives, the payload as it was sent; `on.state({ kind, text, delay, mayNeedKey })` how it stands. */
  constructor(channel, options, on) {
    this.url = urlOf(channel, 'ws', { ...options, announce: true, list: true, echo: true })
    this.on = on
  }

  open() {
    clearTimeout(this.#timer)
    this.#ended = false
    this.#joined = false
    this.on.state({ kind: 'connecting' })
    const socket = new WebSocket(this.url)
    this.#socket = socket
    socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(data)
    socket.onclose = event => socket === this.#socket && this.#closed(event)
  }

  close() {
    clearTimeout(this.#timer)
    this.#ended = true
    const socket = this.#socket
    this.#socket = null
    socket?.close()
  }

  /** Whether it went out: what is not connected sends nothing. */
  send(json, recipient) {
    if (!this.#joined || this.#socket.readyState !== WebSocket.OPEN) return false
    this.#socket.send(recipient ? `@@${recipient}@@${json}` : json)
    return true
  }

  #receive(data) {
    const event = JSON.parse(data)
    if (event.type === 'join' && event.self) {
      this.#joined = true
      this.#openedAt = performance.now()
      this.on.state({ kind: 'open' })
    }
    this.on.event(event, event.type ? '' : payloadOf(data))
  }

  async #closed({ code, reason }) {
    const wasOpen = this.#joined
    const socket = this.#socket
    this.#joined = false
    if (wasOpen && performance.now() - this.#openedAt > STABLE_MS) this.#failures = 0
    if (code === KICKED) {
      this.on.state({ kind: 'ended', text: `The relay closed this connection: ${reason || 'it broke a rule'}. It may refuse new ones for a while.` })
      return
    }
    const why = wasOpen || code !== 1006 ? { text: CLOSES[code] ?? `The connection was closed (code ${code}).` } : await explainRefusal()
    if (!this.#ended && socket === this.#socket) this.#wait(why)
  }

  #wait(why) {
    const longest = Math.min(FIRST_DELAY_MS * 2 ** this.#failures, LONGEST_DELAY_MS)
    const delay = longest * (0.5 + Math.random() / 2) // not all pages at the same moment
    this.#failures += 1
    this.#timer = setTimeout(() => this.open(), delay)
    this.on.state({ kind: 'waiting', delay, ...why })
  }
}

// A browser is not told why an opening handshake failed. Whether anything answers there is all that can be found out.
async function explainRefusal() {
  try {
    const { ok, status } = await fetch(new URL('health', home), { cache: 'no-store' })
    if (status === 429) return { text: 'The relay refuses connections from this address for a while.' }
    return ok ? REFUSED : { text: `The relay answers with status ${status}.` }
  } catch {
    return { text: 'The relay cannot be reached.' }
  }
}

function payloadOf(data) {
  const at = data.indexOf(PAYLOAD_KEY)
  return at < 0 ? '' : data.slice(at + PAYLOAD_KEY.length, -1)
}

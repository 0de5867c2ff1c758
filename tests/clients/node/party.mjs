// PartySocket and its ReconnectingWebSocket behind the methods that the driver calls. Options that would be functions in
// JavaScript come as data: `neverAfter` (close codes) becomes `shouldReconnectOnClose`, `asksForQuery` makes `query` a function.

import PartySocket from 'partysocket'
import ReconnectingWebSocket from 'partysocket/ws'

const FAST = { minReconnectionDelay: 20, maxReconnectionDelay: 100, connectionTimeout: 10_000 }
const STALL_MILLISECONDS = 5
const FLOOD_MILLISECONDS = 20

export const partyConnectors = WebSocket => ({
  party: options => adapt(new PartySocket({ ...FAST, ...translate(options), WebSocket })),
  reconnecting: (url, options) =>
    adapt(new ReconnectingWebSocket(url, [], { ...FAST, ...translate(options), WebSocket })),
})

function translate({ neverAfter = [], asksForQuery, ...options }) {
  let attempts = 0
  if (asksForQuery) options.query = async () => ({ ...asksForQuery, attempt: ++attempts })
  return { ...options, shouldReconnectOnClose: ({ code }) => !neverAfter.includes(code) }
}

const describe = {
  open: (event, socket) => ({ url: socket.url, id: socket.id, retryCount: socket.retryCount }),
  close: ({ code, reason }, socket) => ({ code, reason, goesOn: socket.shouldReconnect }),
  error: () => ({}),
  message: ({ data }) =>
    typeof data === 'string' ? { text: data } : { bytes: [...new Uint8Array(data)] },
}

// It connects by itself, so what happens before `on` is kept for the listener.
function adapt(socket) {
  socket.binaryType = 'arraybuffer'
  const listeners = {}
  const missed = {}
  const tell = (type, event) => {
    if (listeners[type]) listeners[type](event)
    else (missed[type] ??= []).push(event)
  }
  // In browsers partysocket 1.3 gives listeners a wrong code for a close of its own; `onclose` gets the right one.
  socket.onclose = event => tell('close', describe.close(event, socket))
  for (const type of ['open', 'error', 'message'])
    socket.addEventListener(type, event => tell(type, describe[type](event, socket)))

  const chainable = call => (...args) => (call(...args), adapter)
  const adapter = {
    on: chainable((type, listener) => {
      listeners[type] = listener
      missed[type]?.splice(0).forEach(event => listener(event))
    }),
    send: chainable(text => socket.send(text)),
    sendBytes: chainable(bytes => socket.send(new Uint8Array(bytes))),
    sendZeros: chainable(size => socket.send(new Uint8Array(size))),
    close: chainable((...args) => socket.close(...args)),
    reconnect: chainable((...args) => socket.reconnect(...args)),
    update: chainable(options => socket.updateProperties(options)),
    stall: chainable(path => setImmediate(async () => {
      const { existsSync } = await import('node:fs')
      const cell = new Int32Array(new SharedArrayBuffer(4))
      while (!existsSync(path)) Atomics.wait(cell, 0, 0, STALL_MILLISECONDS)
    })),
    fetch: chainable(async (options, { bytes, ...init }) => {
      if (bytes) init.body = new Uint8Array(bytes)
      const response = await PartySocket.fetch(options, init)
      tell('fetched', { status: response.status, content: await response.json() })
    }),
    flood: chainable(text => {
      const timer = setInterval(() => socket.send(text), FLOOD_MILLISECONDS)
      socket.addEventListener('close', () => clearInterval(timer))
    }),
  }
  return adapter
}

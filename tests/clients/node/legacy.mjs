// The wire forms that itty clients used up to version 0.4, behind the methods the current client has:
// a direct message is `@@<uid>@@<json>`, the channel is under `/r/`, every date becomes a Date.
// The old versions cannot be had from npm any more, so this stands in for them.

export function connectLegacy(url, options = {}) {
  const listeners = {}
  const queue = []
  let socket = null
  let closeOnceFlushed = false

  function fire(type, event) {
    listeners[type]?.forEach(listener => listener(event))
  }

  function open() {
    if (socket) return client
    socket = new WebSocket(`${url}?${new URLSearchParams(options)}`)
    socket.onopen = () => {
      queue.splice(0).forEach(text => socket.send(text))
      fire('open')
      if (closeOnceFlushed) socket.close()
    }
    socket.onmessage = ({ data }) => {
      const event = JSON.parse(data)
      fire(event.type ?? 'message', { ...event, date: new Date(event.date) })
    }
    socket.onclose = () => {
      socket = null
      closeOnceFlushed = false
      fire('close')
    }
    return client
  }

  const client = {
    open,
    on(type, listener) {
      (listeners[type] ??= []).push(listener)
      return open()
    },
    send(message, uid) {
      const text = JSON.stringify(message)
      return client.sendText(uid ? `@@${uid}@@${text}` : text)
    },
    sendText(text) {
      if (socket?.readyState !== 1) return queue.push(text), open()
      socket.send(text)
      return client
    },
    push(message, uid) {
      closeOnceFlushed = true
      return client.send(message, uid)
    },
    close() {
      if (socket?.readyState === 1) socket.close()
      else closeOnceFlushed = true
      return client
    },
  }
  return client
}

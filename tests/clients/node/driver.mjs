// Drives clients on behalf of a test: commands in, reports out, both JSON values.
// The same module runs in Node and in a web page, so that one Python API drives either.
//
//   command  {id, client, method, args}
//   report   {id, returned: true if the method was chainable} or {id, threw: text}
//            {client, listener, event}      a listener ran
//            {client, frame}                a frame arrived, before any listener saw it
//            {client, closed: {code, reason, wasClean}}

export function createDriver(connectors, report) {
  const clients = new Map()
  let running // whose command runs: the clients construct their WebSocket inside it, synchronously

  // The clients tell their listeners neither bytes nor close codes; the socket itself does.
  globalThis.WebSocket = class extends globalThis.WebSocket {
    constructor(...args) {
      super(...args)
      const client = running
      this.addEventListener('message', ({ data }) => report({ client, frame: data }))
      this.addEventListener('close', ({ code, reason, wasClean }) =>
        report({ client, closed: { code, reason, wasClean } }))
      this.addEventListener('error', () => {}) // unheard, it would end the process (npm's ws)
    }
  }

  const methods = {
    connect: (client, [connector, url, options]) =>
      clients.set(client, { socket: connectors[connector](url, options), listeners: {} }),
    on: (client, [type]) =>
      clients.get(client).socket.on(type, listenerOf(client, type)),
    onAbove: (client, [key, bound]) =>
      clients.get(client).socket.on(event => event[key] > bound, listenerOf(client, 'above')),
    remove: (client, [type]) =>
      clients.get(client).socket.remove(type, listenerOf(client, type)),
    closeOnPagehide: client => {
      const { socket } = clients.get(client)
      addEventListener('pagehide', socket.close)
      return socket
    },
    chain: (client, calls) => {
      const chainable = calls.map(([method, ...args]) => run({ client, method, args }))
      return chainable.every(Boolean) && clients.get(client).socket
    },
  }

  function listenerOf(client, type) {
    const { listeners } = clients.get(client)
    return listeners[type] ??= event => report({ client, listener: type, event })
  }

  function run({ client, method, args }) {
    running = client
    if (method === 'connect') return Boolean(methods.connect(client, args))
    const { socket } = clients.get(client)
    const result = methods[method] ? methods[method](client, args) : socket[method](...args)
    return result === socket
  }

  return command => {
    try {
      report({ id: command.id, returned: run(command) })
    } catch (error) {
      report({ id: command.id, threw: String(error) })
    }
  }
}

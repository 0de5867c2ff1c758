// One-line clients for the channel in view, to copy into a program or a shell. Keys are never in them: a placeholder is.

import { urlOf } from './page-address.js'
import { make } from './page-elements.js'

const CONFIRMED_MS = 2000
const JOIN_KEY = 'JOIN_KEY'
const SEND_KEY = 'SEND_KEY'

const literal = JSON.stringify // a string in JavaScript is one in Python, too
const quoted = text => `'${text.replaceAll("'", "'\\''")}'` // for any POSIX shell

/** What can be copied, by language: `[{ id, label, items: [{ title, code }] }]`. */
export function snippetsFor({ channel, name, needsJoinKey, needsSendKey }) {
  const keys = { joinKey: needsJoinKey && JOIN_KEY, sendKey: needsSendKey && SEND_KEY }
  const socketUrl = urlOf(channel, 'ws')
  const fullUrl = urlOf(channel, 'ws', { as: name, ...keys })
  const itty = ittyClient(socketUrl, { ...(name && { as: name }), ...given(keys) })
  return [
    { id: 'browser', label: 'Browser', items: [
      { title: 'In a console or a script, with nothing installed', code: `ws = new WebSocket(${literal(fullUrl)}); ws.onmessage = e => console.log(e.data); ws.onopen = () => ws.send('"hello"')` },
      { title: 'In a module, with itty-sockets from npm', code: itty },
    ] },
    { id: 'node', label: 'Node', items: [
      { title: 'Node 22 or later, after npm install itty-sockets', code: `node --input-type=module -e ${quoted(itty)}` },
    ] },
    { id: 'python', label: 'Python', items: [
      { title: 'In a shell, with this package installed', code: `python3 -c ${quoted(pythonClient(socketUrl, name, keys))}` },
    ] },
    { id: 'curl', label: 'curl', items: [
      { title: 'Publish', code: `curl -g -d ${quoted('"hello"')} -H 'Content-Type: application/json' ${quoted(urlOf(channel, 'http', { as: name, ...keys }))}` },
      { title: 'Listen', code: `curl -g -N -H 'Accept: text/event-stream' ${quoted(urlOf(channel, 'http', { as: name, joinKey: keys.joinKey }))}` },
    ] },
  ]
}

function ittyClient(url, options) {
  const pairs = Object.entries(options).map(([key, value]) => `${key}: ${literal(value)}`)
  const more = pairs.length ? `, { ${pairs.join(', ')} }` : ''
  return `import { connect } from "itty-sockets"; connect(${literal(url)}${more}).on("message", e => console.log(e.alias ?? e.uid, e.message)).send("hello")`
}

function pythonClient(url, name, { joinKey, sendKey }) {
  const options = Object.entries(given({ as_: name, join_key: joinKey, send_key: sendKey }))
  const more = options.map(([key, value]) => `, ${key}=${literal(value)}`).join('')
  return `import relay; relay.connect(${literal(url)}${more}).on("message", print).send("hello").wait()`
}

const given = options => Object.fromEntries(Object.entries(options).filter(([, value]) => value))

/** The dialog's tabs and their panels (WAI-ARIA: tabs with automatic activation). */
export class SnippetPanel {
  #chosen = 'browser'

  constructor({ dialog, tabs, panels, copied }) {
    Object.assign(this, { dialog, tabs, panels, copied })
    tabs.addEventListener('keydown', event => this.#onKey(event))
  }

  show(snippets) {
    this.tabs.replaceChildren(...snippets.map(({ id, label }) => this.#tab(id, label)))
    this.panels.replaceChildren(...snippets.map(({ id, items }) => this.#panel(id, items)))
    this.copied.textContent = ''
    this.#choose(this.#chosen)
    this.dialog.showModal()
    this.tabs.querySelector('[aria-selected="true"]').focus()
  }

  #tab(id, label) {
    const tab = make('button', '', label)
    Object.assign(tab, { type: 'button', role: 'tab', id: `tab-${id}` })
    tab.setAttribute('aria-controls', `panel-${id}`)
    tab.addEventListener('click', () => this.#choose(id))
    return tab
  }

  #panel(id, items) {
    const panel = make('div', 'panel', ...items.map(item => this.#item(item)))
    Object.assign(panel, { role: 'tabpanel', id: `panel-${id}` })
    panel.setAttribute('aria-labelledby', `tab-${id}`)
    return panel
  }

  #item({ title, code }) {
    const text = make('code', '', code)
    const block = make('pre', '', text)
    block.tabIndex = 0
    block.setAttribute('aria-label', title)
    const button = make('button', 'quiet copy', 'Copy')
    button.type = 'button'
    button.setAttribute('aria-label', `Copy: ${title}`)
    button.addEventListener('click', () => this.#copy(button, text))
    return make('section', 'snippet', make('h3', '', title), button, block)
  }

  #choose(id) {
    this.#chosen = id
    for (const tab of this.tabs.children) {
      const isChosen = tab.id === `tab-${id}`
      tab.setAttribute('aria-selected', isChosen)
      tab.tabIndex = isChosen ? 0 : -1
    }
    for (const panel of this.panels.children) panel.hidden = panel.id !== `panel-${id}`
  }

  #onKey(event) {
    const all = [...this.tabs.children]
    const at = all.indexOf(document.activeElement)
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key]
    if (to === undefined || at < 0) return
    event.preventDefault()
    const tab = all.at(to % all.length)
    this.#choose(tab.id.slice('tab-'.length))
    tab.focus()
  }

  async #copy(button, text) {
    const done = await copyText(text.textContent, this.dialog)
    if (!done) getSelection().selectAllChildren(text) // so that the keys for copying do it
    this.copied.textContent = done ? 'Copied.' : 'This browser does not let the page copy. The line is selected: copy it with the keyboard.'
    if (!done) return
    button.textContent = 'Copied'
    setTimeout(() => { button.textContent = 'Copy' }, CONFIRMED_MS)
  }
}

/** Whether it is in the clipboard now. Pages that did not come by https have no clipboard of their own, but may copy a selection. */
async function copyText(text, within) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const field = make('textarea', 'unseen', text)
    const held = document.activeElement
    within.append(field) // outside of a modal dialog nothing can be selected
    field.select()
    const done = document.execCommand('copy')
    field.remove()
    held?.focus()
    return done
  }
}

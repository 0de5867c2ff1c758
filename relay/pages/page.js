// The page of the channels: which one is open, who one is in it, what one sends.

import { channelHere, channelNamed, home, pageOf, suggestName, wellFormed } from './page-address.js'
import { Composer } from './page-composer.js'
import { Connection } from './page-connection.js'
import { Log } from './page-entries.js'
import { Members } from './page-members.js'
import { recall, remember } from './page-memory.js'
import { SnippetPanel, snippetsFor } from './page-snippets.js'

const $ = id => document.getElementById(id)
const NAME_KEY = 'relay.name'
const CHANNEL_KEY = 'relay.channel'
const BIDI_CONTROLS = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g

let connection = null
let channel = null
let keys = { joinKey: '', sendKey: '' } // in memory alone: not in the address, not in storage
let name = recall(NAME_KEY)
let ownUid = ''
let wasJoined = false

const log = new Log($('log'), $('newer'), pick)
const members = new Members(
  { list: $('members'), unnamed: $('unnamed'), counts: [$('count'), $('count-short')], select: $('recipient') }, pick)
const composer = new Composer({ form: $('composer'), text: $('text'), trouble: $('trouble') }, send)
const panel = new SnippetPanel({ dialog: $('code'), tabs: $('tabs'), panels: $('panels'), copied: $('copied') })

// --- which channel ---------------------------------------------------------------------------------------------------------------

function route() {
  disconnect()
  channel = channelHere()
  $('start').hidden = Boolean(channel)
  $('room').hidden = !channel
  document.body.dataset.view = channel ? 'room' : 'start'
  document.title = channel ? `${shown(channel.name).replace(BIDI_CONTROLS, '')} · Relay` : 'Relay'
  if (channel) enter()
  else showStart()
}

function showStart() {
  $('channel').value = recall(CHANNEL_KEY) || suggestName()
  $('name').value = name
  focusOn($('channel'), $('home'))
}

function enter() {
  name = wellFormed(new URLSearchParams(location.search).get('as') ?? name)
  $('channel-name').textContent = shown(channel.name)
  $('room-title').textContent = `Channel ${shown(channel.name)}`
  $('own-name').value = name
  $('own-join-key').value = keys.joinKey
  $('own-send-key').value = keys.sendKey
  remember(CHANNEL_KEY, channel.name)
  log.clear()
  members.clear()
  composer.clear()
  showSide(false)
  connect()
  focusOn($('text'), $('room-title'))
}

function shown(channelName) {
  return channelName || '(no name)'
}

// On a touch screen a focused field would bring up the keyboard, over what is to be read.
function focusOn(field, heading) {
  (matchMedia('(pointer: coarse)').matches ? heading : field).focus({ preventScroll: true })
}

function go(path) {
  history.pushState(null, '', path)
  route()
}

$('open').addEventListener('submit', event => {
  event.preventDefault()
  try {
    const wanted = channelNamed($('channel').value)
    $('channel-trouble').textContent = ''
    setSelf($('name').value, $('join-key').value, $('send-key').value)
    go(pageOf(wanted))
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    $('channel-trouble').textContent = error.message
    $('channel').focus()
  }
})

$('suggest').addEventListener('click', () => { $('channel').value = suggestName() })
$('home').href = home.pathname
$('icon').href = new URL('assets/page-icon.svg', home) // relative to the channel's address, it would be looked for below that
$('home').addEventListener('click', event => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return
  event.preventDefault()
  go(home.pathname)
})
// A fragment, such as the link to the message field, moves within the page and is no other channel.
addEventListener('popstate', () => { if (channelHere()?.path !== channel?.path) route() })

// --- the connection --------------------------------------------------------------------------------------------------------------

function connect() {
  disconnect()
  connection = new Connection(channel, { as: name, ...keys }, { event: receive, state: showState })
  connection.open()
}

function disconnect() {
  connection?.close()
  connection = null
  wasJoined = false
}

const STATES = { connecting: 'Connecting', open: 'Connected', waiting: 'Not connected', ended: 'Closed' }

function showState({ kind, text, delay, mayNeedKey }) {
  $('lamp').dataset.state = kind
  $('status').textContent = STATES[kind]
  $('banner').hidden = !text
  if (!text) return
  $('banner-text').textContent = delay ? `${text} Trying again ${delay < 1500 ? 'in a moment' : `in ${Math.round(delay / 1000)} seconds`}.` : text
  if (mayNeedKey) $('own-keys').open = true
}

$('retry').addEventListener('click', () => connection?.open())
addEventListener('online', () => { if ($('lamp').dataset.state === 'waiting') connection?.open() })
// A page that the browser keeps for the way back would stay a member.
addEventListener('pagehide', disconnect)
addEventListener('pageshow', event => { if (event.persisted) route() })

const RECEIVERS = {
  join(event) {
    if (event.self) joinOneself(event)
    else {
      members.add(event)
      log.move(event, 'joined', event.total)
    }
  },
  leave(event) {
    members.remove(event)
    log.move(event, 'left', event.total)
  },
  error: event => log.problem(event.message),
  gap: ({ missed }) => log.problem(missed
    ? `${missed.toLocaleString('en')} messages were left out: this page was too slow to take them.`
    : 'Some messages may have been left out.'),
}

function receive(event, payload) {
  if (Object.hasOwn(RECEIVERS, event.type)) RECEIVERS[event.type](event)
  else if (!event.type) log.message({ ...event, payload, own: event.uid === ownUid })
}

function joinOneself(event) {
  ownUid = event.uid
  $('own-uid').textContent = ownUid
  members.reset(event)
  const others = event.total - 1
  const company = others ? `${others.toLocaleString('en')} ${others === 1 ? 'other is' : 'others are'} here` : 'nobody else is here yet'
  log.note(wasJoined ? `Connected again; ${company}. What was said in between is not kept.` : `You joined; ${company}.`)
  wasJoined = true
}

/** What keeps a message from going out, in words, or nothing. */
function send(json) {
  const recipient = members.recipient
  if (recipient?.gone) return `${recipient.alias} has left. Choose someone else, or everyone; the message was not sent.`
  if (!connection?.send(json, recipient?.uid)) return 'Not connected: the message stays here until it can be sent.'
  // To oneself it comes back like any message; to another it does not, so this page writes down what it sent.
  if (recipient && recipient.uid !== ownUid) {
    log.message({ uid: ownUid, alias: name, date: Date.now(), payload: json, own: true, to: recipient.alias })
  }
  return ''
}

function pick(uid, alias) {
  members.choose(uid === ownUid ? '' : uid, alias)
  showSide(false)
  $('text').focus()
}

// --- who one is ------------------------------------------------------------------------------------------------------------------

function setSelf(newName, joinKey, sendKey) {
  name = wellFormed(newName.trim())
  keys = { joinKey, sendKey }
  remember(NAME_KEY, name)
}

$('self').addEventListener('submit', event => {
  event.preventDefault()
  setSelf($('own-name').value, $('own-join-key').value, $('own-send-key').value)
  if (location.search) history.replaceState(null, '', pageOf(channel)) // `?as=` there would bring the old name back
  showSide(false)
  connect()
  focusOn($('text'), $('room-title'))
})

$('leave').addEventListener('click', () => go(home.pathname))
$('show-members').addEventListener('click', () => showSide(!document.body.classList.contains('side-open')))

// In a narrow window it covers the messages.
function showSide(isOpen) {
  document.body.classList.toggle('side-open', isOpen)
  $('show-members').setAttribute('aria-expanded', isOpen)
}

// --- programs --------------------------------------------------------------------------------------------------------------------

$('show-code').addEventListener('click', () => {
  const { joinKey, sendKey } = channel ? keys : { joinKey: $('join-key').value, sendKey: $('send-key').value }
  const spoken = channel ? name : $('name').value.trim()
  panel.show(snippetsFor({ channel: channel ?? named(), name: spoken, needsJoinKey: Boolean(joinKey), needsSendKey: Boolean(sendKey) }))
})

// What is in the field may be no name that can be opened; the snippets show how it is done all the same.
function named() {
  try {
    return channelNamed($('channel').value)
  } catch {
    return channelNamed('room')
  }
}

route()

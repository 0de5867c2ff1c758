// Where the relay is, and how a channel is written in an address.
//
// A channel has a name, for people, and a path, for addresses. A name taken from the address bar keeps the path it came in: what
// is no UTF-8 there could not be written again from the name.

export const MAX_CHANNEL_BYTES = 512

// The relay may stand below a path of its proxy; this file is at a known place in it.
export const home = new URL('../', import.meta.url)

const PREFIX = `${home.pathname}c/`
const READABLE = { '%2F': '/', '%3A': ':', '%40': '@', '%2C': ',', '%24': '$', '%2B': '+', '%3D': '=' }
const WORDS = ['amber', 'birch', 'cedar', 'comet', 'delta', 'ember', 'fjord', 'heron', 'juniper', 'lark', 'maple', 'otter', 'pebble', 'tide', 'willow', 'wren']

/** The channel that the address bar names, or null when it names none. */
export function channelHere() {
  if (!location.pathname.startsWith(PREFIX)) return null
  const path = location.pathname.slice(PREFIX.length)
  return { path, name: decode(path) }
}

/** A channel by its name. Throws RangeError with a text for people when no browser, or no relay, can open it. */
export function channelNamed(text) {
  const name = wellFormed(text)
  if (name === '.' || name === '..') {
    throw new RangeError('Browsers take “.” and “..” for directions, so they cannot open a channel of that name.')
  }
  if (new TextEncoder().encode(name).length > MAX_CHANNEL_BYTES) {
    throw new RangeError(`A channel’s name has at most ${MAX_CHANNEL_BYTES} bytes.`)
  }
  return { path: encode(name), name }
}

/** The address of the channel's page. */
export function pageOf({ path }) {
  return PREFIX + path
}

/** The channel's URL for programs, with these options in its query. */
export function urlOf({ path }, scheme, options = {}) {
  const url = new URL(home.origin + PREFIX + path)
  const secure = home.protocol === 'https:' ? 's' : ''
  url.protocol = `${scheme}${secure}:`
  url.search = query(options)
  return url.href
}

/** A name that nobody is likely to use already. */
export function suggestName() {
  const [word, ...letters] = crypto.getRandomValues(new Uint8Array(7))
  const tail = letters.map(byte => 'abcdefghjkmnpqrstuvwxyz23456789'[byte % 31]).join('')
  return `${WORDS[word % WORDS.length]}-${tail}`
}

// A lone half of a surrogate pair cannot be encoded.
export function wellFormed(text) {
  return text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, '\uFFFD')
}

function encode(name) {
  const dots = name.split('/').some(part => part === '.' || part === '..')
  const path = encodeURIComponent(name).replace(/'/g, '%27')
  // With its slashes encoded, a “..” between them is no direction.
  return path.replace(/%(2F|3A|40|2C|24|2B|3D)/g, escape => (dots && escape === '%2F' ? escape : READABLE[escape]))
}

function decode(path) {
  const decodeRun = escapes => new TextDecoder().decode(Uint8Array.from(escapes.match(/[0-9a-f]{2}/gi), hex => parseInt(hex, 16)))
  return path.replace(/(?:%[0-9a-f]{2})+/gi, decodeRun) // an escape that is none stays as it is
}

function query(options) {
  const given = Object.entries(options).filter(([, value]) => value)
  return given.map(([key, value]) => (value === true ? key : `${key}=${encodeURIComponent(wellFormed(value)).replace(/'/g, '%27')}`)).join('&')
}

// What the dashboard shows: a table of cards, each with what it reads from the figures of a worker or of all together.

import { quantile, resourcesOf, sumWithPrefix } from './dashboard-rates.js'
import { byteRate, bytes, count, joined, plainName, rate, seconds, share } from './dashboard-units.js'

const REFUSED = 'refused_'
const CLOSED = 'closed_'

const gauge = name => figures => figures.gauges[name] ?? null
const perSecond = name => figures => figures.rates?.[name] ?? null
const received = figures => figures.rates && (figures.rates.messages ?? 0) + (figures.rates.published ?? 0)
const turns = q => figures => quantile(figures.turns, q)
const perSecondOf = prefix => figures => figures.rates && sumWithPrefix(figures.rates, prefix)

function meanOfWorkers(name) {
  const sum = perSecond(name)
  return figures => (sum(figures) === null ? null : sum(figures) / figures.workerCount)
}

const shareLeft = ({ headroom }) => resourcesOf(headroom)[0]?.[1] ?? null

function endsFirst({ headroom }) {
  const [first] = resourcesOf(headroom)
  return first ? `${plainName(first[0])} ${first[0].endsWith('s') ? 'end' : 'ends'} first` : ''
}

const soFar = (number, format = count) => `${joined(format(number))} since the start`

const counted = (name, format) => figures => name in figures.counters ? soFar(figures.counters[name], format) : ''

const beside = (name, text) => figures => name in figures.gauges ? text(count(figures.gauges[name])[0]) : ''

const CODES = {
  1000: 'normal',
  1001: 'going away',
  1002: 'protocol error',
  1003: 'not supported',
  1005: 'no code',
  1006: 'no close frame',
  1007: 'invalid data',
  1008: 'policy',
  1009: 'too big',
  1010: 'extension missing',
  1011: 'server error',
  1012: 'restart',
  1013: 'try again later',
  1014: 'bad gateway',
  1015: 'TLS failure',
  other: 'another code'
}

function nameOfCode(code) {
  const text = Object.hasOwn(CODES, code) ? CODES[code] : ''
  return Number(code) ? `${code} ${text}` : text || code
}

const traffic = [
  {
    id: 'connections',
    title: 'Connections',
    unit: count,
    least: 10,
    read: gauge('connections'),
    note: beside('max_connections', n => `room for ${n}`)
  },
  {
    id: 'messages',
    title: 'Messages',
    unit: rate,
    least: 10,
    read: received,
    note: ({ counters }) => soFar((counters.messages ?? 0) + (counters.published ?? 0))
  },
  { id: 'deliveries', title: 'Deliveries', unit: rate, least: 10, read: perSecond('deliveries'), note: counted('deliveries') },
  { id: 'joins', title: 'New connections', unit: rate, least: 1, read: perSecond('admitted'), note: counted('admitted') },
  { id: 'channels', title: 'Channels', unit: count, least: 10, read: gauge('channels'), note: () => '' },
  {
    id: 'streams',
    title: 'Event-stream readers',
    unit: count,
    least: 10,
    read: gauge('streams'),
    note: beside('http_connections', n => `HTTP connections ${n}`)
  },
  {
    id: 'bytes-in',
    title: 'Bytes in',
    unit: byteRate,
    isBytes: true,
    least: 1024,
    read: perSecond('bytes_in'),
    note: counted('bytes_in', bytes)
  },
  {
    id: 'bytes-out',
    title: 'Bytes out',
    unit: byteRate,
    isBytes: true,
    least: 1024,
    read: perSecond('bytes_out'),
    note: counted('bytes_out', bytes)
  }
]

const process = [
  {
    id: 'headroom',
    title: 'Headroom',
    unit: share,
    least: 1,
    read: shareLeft,
    name: 'least',
    hasResources: true,
    note: endsFirst
  },
  {
    id: 'turns',
    title: 'Turn time, p99',
    unit: seconds,
    least: 0.001,
    name: 'p99',
    read: turns(0.99),
    also: { name: 'p50', read: turns(0.5) },
    note: figures => (figures.rates ? `${rate(figures.rates.turns ?? 0)[0]} turns/s` : '')
  },
  {
    id: 'loop',
    title: 'Loop utilisation',
    unit: share,
    least: 0.1,
    read: meanOfWorkers('busy_seconds'),
    note: figures => (figures.workerCount > 1 ? 'mean of the workers' : 'time spent in turns')
  },
  { id: 'cpu', title: 'CPU', unit: share, least: 0.1, read: perSecond('cpu_seconds'), note: () => '100 % is one core' },
  {
    id: 'memory',
    title: 'Memory',
    unit: bytes,
    isBytes: true,
    least: 2 ** 20,
    read: gauge('resident_bytes'),
    note: beside('open_files', n => `open files ${n}`)
  }
]

const limits = [
  { id: 'kicks', title: 'Kicks', unit: rate, least: 1, isBars: true, read: perSecond('kicked'), note: counted('kicked') },
  {
    id: 'blocks',
    title: 'Blocks',
    unit: rate,
    least: 1,
    isBars: true,
    read: perSecond('blocks'),
    note: beside('blocked_addresses', n => `addresses blocked now ${n}`)
  },
  {
    id: 'refusals',
    title: 'Refusals',
    unit: rate,
    least: 1,
    read: perSecondOf(REFUSED),
    parts: { prefix: REFUSED, nameOf: plainName, heading: 'Reason', none: 'Nothing was refused.' },
    note: figures => soFar(sumWithPrefix(figures.counters, REFUSED))
  },
  {
    id: 'closes',
    title: 'Close codes',
    unit: rate,
    least: 1,
    read: perSecondOf(CLOSED),
    parts: { prefix: CLOSED, nameOf: nameOfCode, heading: 'Code', none: 'No connection has ended.' },
    note: figures => soFar(sumWithPrefix(figures.counters, CLOSED))
  },
  {
    id: 'backlog',
    title: 'Worst backlog',
    unit: bytes,
    isBytes: true,
    least: 1024,
    isRanked: true,
    read: figures => figures.backlogs[0] ?? 0,
    note: beside('backlogged', n => `members who read too slowly ${n}`)
  }
]

/**
 * `read` gives the number in large type, of all workers together or of one; `unit` its words, `least` the shortest axis.
 * `also` is a second line. `hasResources` adds a table of what can end. `parts` are what the number is made of: stacked bars, and a table.
 */
export const SECTIONS = [
  { title: 'Traffic', cards: traffic },
  { title: 'Process', cards: process },
  { title: 'Limits and ends', cards: limits }
]

/** The state of things in a sentence, for who cannot see it. */
export function summary(figures) {
  return traffic
    .slice(0, 4)
    .map(({ title, unit, read }) => `${title} ${joined(unit(read(figures)))}`)
    .join(', ')
}

// Numbers as a person reads them, and the scales of charts. Pure.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const tenths = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 })
const hundredths = new Intl.NumberFormat('en', { maximumFractionDigits: 2 })

const NOTHING = ['–', '']
const ROUND = [1, 1.5, 2, 3, 4, 5, 6, 8, 10]
const MOST_FOLD = 100
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** [number, unit] as texts; a dash for what is not known. */
export const count = value => (value === null ? NOTHING : [large(value), ''])

export const rate = value => (value === null ? NOTHING : [short(value), '/s'])

export function bytes(value) {
  if (value === null) return NOTHING
  let power = 0
  while (value >= 1024 && power < BYTE_UNITS.length - 1) {
    value /= 1024
    power++
  }
  return [value >= 100 || !power ? whole.format(value) : tenths.format(value), BYTE_UNITS[power]]
}

export function byteRate(value) {
  const [number, unit] = bytes(value)
  return [number, unit && `${unit}/s`]
}

export const share = value => (value === null ? NOTHING : [short(value * 100), '%'])

/** So many times as much; beyond a hundred the number means nothing. */
export const fold = value => (value === null ? NOTHING : [value < MOST_FOLD ? tenths.format(value) : `${MOST_FOLD}`, '×'])

export function seconds(value) {
  if (value === null) return NOTHING
  if (value < 0.001) return [short(value * 1e6), 'µs']
  return value < 1 ? [short(value * 1e3), 'ms'] : [short(value), 's']
}

/** What programs call something, for people. */
export const plainName = name => name.replaceAll('_', ' ')

export const joined = ([number, unit]) =>
  unit.startsWith('/') || !unit ? number + unit : `${number} ${unit}`

const large = value => (value < 1e6 ? whole.format(value) : `${hundredths.format(value / 1e6)} M`)

function short(value) {
  if (value >= 100) return large(value)
  if (Math.abs(value - Math.round(value)) < 1e-9) return whole.format(value)
  return value >= 0.1 ? tenths.format(value) : hundredths.format(value)
}

/** The end of an axis: a round number, and not less than the smallest that makes sense. Of bytes a power of two. */
export function ceiling(value, smallest, isBytes) {
  if (value <= smallest) return smallest
  if (isBytes) return 2 ** Math.ceil(Math.log2(value))
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ROUND.find(step => value <= step * power * (1 + 1e-9))
}

/** A span of time, in its two largest units. */
export function span(total) {
  const parts = [
    [Math.floor(total / 86400), 'd'],
    [Math.floor(total / 3600) % 24, 'h'],
    [Math.floor(total / 60) % 60, 'min'],
    [Math.floor(total) % 60, 's']
  ]
  const first = parts.findIndex(([n]) => n)
  const shown = first < 0 ? parts.slice(-1) : parts.slice(first, first + 2)
  return shown.map(([n, unit]) => `${n} ${unit}`).join(' ')
}

export const clock = time => new Date(time).toLocaleTimeString('en-GB')

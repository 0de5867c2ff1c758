// What two answers of /api/stats say together: rates, and what happened in between. Pure: no page, no clock.
//
// `relay top` does the same sums in relay/commands/rates.py; one table of cases tests both.

/** Longer ago than this, a rate would be the mean of a time nobody has watched. */
export const LONGEST_STEP_SECONDS = 10

/** No count of a relay is larger. What is beyond it or below 0 is not known: sums would become infinite, and texts endless. */
const MOST = 2 ** 64

const LAST_DATE = 253_402_000_000_000 // the year 9999: what a clock can show

const LONGEST_TEXT = 200

/** A relay tells some sixty figures of a kind, and ten backlogs of a worker. What is more is not kept: a page stays open for weeks. */
const MOST_NAMES = 500
const MOST_BACKLOGS = 100

/** Beyond so many workers there are no lines and figures of each, only of all together: a page could not keep and draw them. */
export const MOST_WORKERS_SHOWN = 32

/** An answer that is none of a relay: the text says what was expected. */
export class ShapeError extends Error {}

/** The answer, with only what are numbers where numbers belong. Throws ShapeError. */
export function readSnapshot(answer) {
  if (!isWithin(answer?.date, LAST_DATE) || !Array.isArray(answer.workers) || !answer.workers.length)
    throw new ShapeError('expected the figures of a relay')
  return {
    version: textOf(answer.version),
    limits: textOf(answer.limits),
    date: answer.date,
    started: isWithin(answer.started, LAST_DATE) ? answer.started : 0,
    isDraining: answer.draining === true,
    workers: answer.workers.map(readWorker)
  }
}

function readWorker(worker, index) {
  return {
    worker: Number.isInteger(worker?.worker) ? worker.worker : index,
    pid: Number.isInteger(worker?.pid) ? worker.pid : null,
    counters: numbersOf(worker?.counters),
    gauges: numbersOf(worker?.gauges),
    backlogs: Array.isArray(worker?.backlogs)
      ? worker.backlogs.filter(size => isWithin(size, MOST)).slice(0, MOST_BACKLOGS)
      : [],
    headroom: numbersOf(worker?.headroom, 1),
    turns: readHistogram(worker?.histograms?.turn_seconds)
  }
}

const isWithin = (value, most) => Number.isFinite(value) && value >= 0 && value <= most

/** A text, and nothing that would only become one; as much of it as the head of the page has room for. */
export const textOf = value => (typeof value === 'string' ? value.slice(0, LONGEST_TEXT) : '')

/** Without a prototype: names are the relay's, and one of them may be `constructor`. */
const numbersOf = (object, most = MOST) =>
  named(Object.entries(object ?? {}).filter(([, value]) => isWithin(value, most)).slice(0, MOST_NAMES))

function named(entries) {
  const values = Object.create(null)
  for (const [name, value] of entries) values[name] = value
  return values
}

function readHistogram(histogram) {
  const { bounds, counts } = histogram ?? {}
  const isWhole = [bounds, counts].every(list => Array.isArray(list) && list.every(value => isWithin(value, MOST)))
  return isWhole && counts.length === bounds.length + 1 ? { bounds, counts } : null
}

/** Whether another process answers now, or one that counts from the start again. */
export const hasRestarted = (before, after) =>
  before.started !== after.started ||
  after.workers.some(worker => {
    const former = findWorker(before, worker.worker)
    return former !== undefined && isAnother(former, worker)
  })

const findWorker = (snapshot, number) => snapshot.workers.find(({ worker }) => worker === number)

const isAnother = (before, after) =>
  before.pid !== after.pid ||
  Object.entries(before.counters).some(([name, count]) => (after.counters[name] ?? 0) < count)

/** The figures of each worker and of all together; rates are null where there is nothing to compare with. */
export function figuresOf(before, after) {
  const seconds = before ? (after.date - before.date) / 1000 : 0
  const isStep = seconds > 0 && seconds <= LONGEST_STEP_SECONDS
  const workers = new Map()
  for (const worker of after.workers) {
    const former = isStep ? findWorker(before, worker.worker) : undefined
    const isSame = former !== undefined && before.started === after.started && !isAnother(former, worker)
    workers.set(worker.worker, {
      workerCount: 1,
      counters: worker.counters,
      gauges: worker.gauges,
      backlogs: worker.backlogs,
      headroom: worker.headroom,
      rates: isSame ? ratesOf(former.counters, worker.counters, seconds) : null,
      turns: isSame ? turnsBetween(former.turns, worker.turns) : null
    })
  }
  const total = totalOf([...workers.values()])
  return { workers: new Map([...workers].slice(0, MOST_WORKERS_SHOWN)), total }
}

const ratesOf = (before, after, seconds) =>
  named(Object.entries(after).map(([name, count]) => [name, (count - (before[name] ?? 0)) / seconds]))

function turnsBetween(before, after) {
  if (!before || !after || before.bounds.join() !== after.bounds.join()) return null
  return { bounds: after.bounds, counts: after.counts.map((count, i) => Math.max(count - before.counts[i], 0)) }
}

function totalOf(workers) {
  return {
    workerCount: workers.length,
    counters: addUp(workers.map(({ counters }) => counters)),
    gauges: addUp(workers.map(({ gauges }) => gauges)),
    backlogs: workers.flatMap(({ backlogs }) => backlogs).sort((a, b) => b - a),
    headroom: leftToAll(workers),
    rates: workers.every(({ rates }) => rates) ? addUp(workers.map(({ rates }) => rates)) : null,
    turns: workers.map(({ turns }) => turns).reduce(mergeTurns)
  }
}

function addUp(objects) {
  const sums = named([])
  for (const object of objects)
    for (const [name, value] of Object.entries(object)) sums[name] = (sums[name] ?? 0) + value
  return sums
}

/** Of each resource what the worker has left that has least; of the memory, which they share, what all have left together. */
function leftToAll(workers) {
  const left = least(workers.map(({ headroom }) => headroom))
  const known = workers
    .map(({ gauges, headroom }) => ({ resident: gauges.resident_bytes, share: headroom.memory }))
    .filter(({ resident, share }) => resident > 0 && share !== undefined)
  if (known.length > 1) left.memory = Math.min(memoryLeft(known), left.memory)
  return left
}

/** Each counts what is available on their host as its own, and there is only one of it. */
function memoryLeft(workers) {
  const held = workers.reduce((sum, { resident }) => sum + resident, 0)
  const rooms = workers.filter(({ share }) => share < 1).map(({ resident, share }) => (resident * share) / (1 - share))
  const available = rooms.reduce((least, room) => Math.min(least, room), Infinity)
  return available < Infinity ? available / (held + available) : 1
}

/** Of each name the smallest number. */
function least(objects) {
  const found = named([])
  for (const object of objects)
    for (const [name, value] of Object.entries(object)) found[name] = Math.min(value, found[name] ?? value)
  return found
}

function mergeTurns(one, other) {
  if (!one || !other || one.bounds.join() !== other.bounds.join()) return null
  return { bounds: one.bounds, counts: one.counts.map((count, i) => count + other.counts[i]) }
}

/**
 * Where the share `q` of what a histogram counted lies, even within a bucket; null when it counted nothing.
 * What is above the last bound is told as that bound.
 */
export function quantile(histogram, q) {
  const total = histogram?.counts.reduce((sum, count) => sum + count, 0)
  if (!total) return null
  const { bounds, counts } = histogram
  let below = 0
  for (const [i, upper] of bounds.entries()) {
    const lower = i ? bounds[i - 1] : 0
    if (counts[i] && below + counts[i] >= q * total)
      return lower + ((upper - lower) * Math.max(q * total - below, 0)) / counts[i]
    below += counts[i]
  }
  return bounds.at(-1) ?? null
}

/** [name, share left] of each resource; what ends first comes first. */
export const resourcesOf = headroom => Object.entries(headroom).sort(([, one], [, other]) => one - other)

/** How many times the load may be carried, at least: what is in use grows no faster than the load. null when nothing is used. */
export const growthOf = left => (left < 1 ? 1 / (1 - left) : null)

/** The parts that a counter is told in: [name, value] pairs of those whose name begins so, by the rest of their names. */
export const withPrefix = (values, prefix) =>
  Object.entries(values ?? {})
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, value]) => [name.slice(prefix.length), value])

export const sumWithPrefix = (values, prefix) => withPrefix(values, prefix).reduce((sum, [, value]) => sum + value, 0)

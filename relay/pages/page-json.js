// JSON as it is shown: indented, but every token as it was sent. Parsed and written again, 1e400, 12345678901234567890, a key given
// twice and the order of keys like "2" would change.

const MAX_CHARACTERS = 64 * 1024 // beyond that it is shown as it came
const LINE_CHARACTERS = 72
const MAX_DEPTH = 20 // deeper levels are indented like this one
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g
const SPACED = { ':': ': ', ',': ', ' }

/** One line when it fits, also for each list and object within; `json` must be valid. */
export function indented(json) {
  if (json.length > MAX_CHARACTERS) return json
  const tokens = json.match(TOKEN) ?? []
  const lines = linesOf(tokens)
  const open = [] // whether each list and object around is on several lines
  const line = () => `\n${'  '.repeat(Math.min(open.length, MAX_DEPTH))}`
  return tokens.map((token, at) => {
    if (isOpening(token)) {
      open.push(lines[at] === undefined)
      return open.at(-1) ? token + line() : token
    }
    if (isClosing(token)) return open.pop() ? line() + token : token
    return token === ',' && open.at(-1) ? `,${line()}` : SPACED[token] ?? token
  }).join('')
}

/** For each token that opens a list or an object which fits on one line, that it does. */
function linesOf(tokens) {
  const fits = []
  const begun = []
  let length = 0
  tokens.forEach((token, at) => {
    if (isOpening(token)) begun.push([at, length])
    length += (SPACED[token] ?? token).length
    if (!isClosing(token)) return
    const [start, before] = begun.pop()
    if (length - before <= LINE_CHARACTERS) fits[start] = true
  })
  return fits
}

const isOpening = token => token === '{' || token === '['
const isClosing = token => token === '}' || token === ']'

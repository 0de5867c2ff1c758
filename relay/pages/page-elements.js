// Elements made of text alone. Nothing that came from others is ever parsed as markup.

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })

/** An element with a class and content: strings become text, never markup. */
export function make(tag, className, ...content) {
  const element = document.createElement(tag)
  if (className) element.className = className
  element.append(...content)
  return element
}

/** A name or another foreign string, which keeps its direction of writing to itself. */
export const foreign = (className, text) => make('bdi', className, text)

/** The time of day of a date in milliseconds; empty for one that no calendar has. */
export function stamp(date) {
  const time = make('time', '')
  const when = new Date(date)
  if (!Number.isNaN(when.getTime())) {
    time.dateTime = when.toISOString()
    time.textContent = clock.format(when)
  }
  return time
}

// A note in the log on members that came and went: on one of them, or on many.

import { foreign, make, stamp } from './page-elements.js'

const NAMES_TOLD = 3
const VERBS = ['joined', 'left']

export class Moves {
  #named = { joined: [], left: [] } // the first names, and below how many there were
  #counts = { joined: 0, left: 0 }
  #nameless = { joined: 0, left: 0 }
  #text = make('span', '')

  constructor() {
    this.entry = make('p', 'entry note', this.#text, stamp(Date.now()))
  }

  get isNameless() {
    return !this.#counts.joined && !this.#counts.left
  }

  /** `verb` is `joined` or `left`; without a name it was one that did not announce itself. `total` is how many are here now. */
  add(name, verb, total) {
    if (name) {
      this.#counts[verb] += 1
      if (this.#named[verb].length < NAMES_TOLD) this.#named[verb].push(name)
    } else {
      this.#nameless[verb] += 1
    }
    this.#text.replaceChildren(...this.#parts().flatMap((part, at) => at ? [', ', ...part] : part), ` · ${total} here`)
  }

  #parts() {
    const named = VERBS.filter(verb => this.#counts[verb]).map(verb => [...this.#names(verb), ` ${verb}`])
    const nameless = VERBS.filter(verb => this.#nameless[verb]).map(verb => [`${this.#nameless[verb]} without a name ${verb}`])
    return [...named, ...nameless]
  }

  #names(verb) {
    const told = this.#named[verb]
    const others = this.#counts[verb] - told.length
    const words = told.map(name => foreign('', name))
    if (others) words.push(`${others} ${others === 1 ? 'other' : 'others'}`)
    return words.flatMap((word, at) => at ? [at === words.length - 1 ? ' and ' : ', ', word] : [word])
  }
}

// Who is here, as far as they announced themselves, and to whom the next message goes.

import { foreign, make } from './page-elements.js'

const SHOWN = 200 // a list of thousands would help nobody and cost every join its rendering
const BATCH_MS = 60

export class Members {
  #known = new Map() // uid → alias
  #timer = 0
  #chosen = null // the recipient: { uid, alias, gone }

  constructor({ list, unnamed, counts, select }, onPick) {
    Object.assign(this, { list, unnamed, counts, select, onPick, own: '', total: 0 })
    select.addEventListener('change', () => this.choose(select.value, this.#known.get(select.value)))
  }

  /** Begin anew with what one's own join says. Who was here before has another uid now, if they are here at all. */
  reset({ uid, users, total }) {
    this.own = uid
    this.#known = new Map(users.map(user => [user.uid, user.alias ?? '']))
    if (this.#chosen && !this.#known.has(this.#chosen.uid)) this.#chosen.gone = true
    this.count(total)
  }

  clear() {
    this.#chosen = null
    this.reset({ uid: '', users: [], total: 0 })
  }

  add({ uid, alias, total }) {
    if (uid) this.#known.set(uid, alias ?? '')
    this.count(total)
  }

  remove({ uid, total }) {
    this.#known.delete(uid)
    if (uid && this.#chosen?.uid === uid) this.#chosen.gone = true
    this.count(total)
  }

  count(total) {
    this.total = total
    this.#timer ||= setTimeout(() => this.#render(), BATCH_MS)
  }

  /** Send to this one from now on; an empty uid means everyone. */
  choose(uid, alias) {
    this.#chosen = uid ? { uid, alias: alias || uid, gone: false } : null
    this.#renderChoice()
  }

  /** Null for everyone, or `{ uid, alias, gone }`: a message for who has left must not go to all instead. */
  get recipient() {
    return this.#chosen
  }

  #render() {
    this.#timer = 0
    for (const place of this.counts) place.textContent = this.total.toLocaleString('en')
    const held = this.list.contains(document.activeElement) ? document.activeElement.dataset.uid : null
    this.list.replaceChildren(...this.#shown().map(([uid, alias]) => this.#row(uid, alias)))
    if (held) this.list.querySelector(`[data-uid="${CSS.escape(held)}"]`)?.focus()
    this.unnamed.textContent = this.#restInWords()
    this.#renderChoice()
  }

  #shown() {
    const all = [...this.#known].sort(([one], [other]) => (other === this.own) - (one === this.own))
    return all.slice(0, SHOWN) // oneself first, the others as they came
  }

  #restInWords() {
    const more = this.#known.size - Math.min(this.#known.size, SHOWN)
    const unnamed = Math.max(this.total - this.#known.size, 0)
    const parts = [more && `${more.toLocaleString('en')} more`, unnamed && `${unnamed.toLocaleString('en')} not announced`]
    return parts.filter(Boolean).join(', ')
  }

  #row(uid, alias) {
    const name = foreign('name', alias || uid)
    const detail = uid === this.own ? make('span', 'tag', 'you') : make('span', 'uid', alias ? uid : '')
    const button = make('button', '', name, detail)
    button.type = 'button'
    button.dataset.uid = uid
    button.title = alias ? `Send to ${alias} only (${uid})` : `Send to ${uid} only`
    button.addEventListener('click', () => this.onPick(uid, alias))
    return make('li', '', button)
  }

  #renderChoice() {
    const uids = this.#shown().filter(([uid]) => uid !== this.own)
    const options = uids.map(([uid, alias]) => option(uid, alias || uid, alias && uids.filter(([, other]) => other === alias).length > 1))
    const chosen = this.#chosen
    if (chosen && (chosen.gone || !uids.some(([uid]) => uid === chosen.uid))) {
      options.push(option(chosen.uid, chosen.gone ? `${chosen.alias} (left)` : chosen.alias))
    }
    options.unshift(option('', 'everyone'))
    // An open list would lose its place by being made anew.
    if (!sameOptions(this.select.options, options)) this.select.replaceChildren(...options)
    this.select.value = chosen?.uid ?? ''
    this.select.classList.toggle('one', Boolean(chosen))
  }
}

// Of two with the same name the uid tells which is which.
function option(uid, text, isAmbiguous = false) {
  const element = make('option', '', isAmbiguous ? `${text} (${uid})` : text)
  element.value = uid
  return element
}

function sameOptions(shown, wanted) {
  return shown.length === wanted.length && wanted.every((each, at) => each.isEqualNode(shown[at]))
}

// Where a message is written: as text, which goes out as a JSON string, or as JSON, which goes out as it is.

const MAX_ROWS = 8
const PLACEHOLDERS = { text: 'Message', json: '{"hello": 1}' }

export class Composer {
  #lastSent = ''

  /** `send(json)` sends and returns what kept it from that, in words, or nothing. */
  constructor({ form, text, trouble }, send) {
    Object.assign(this, { form, text, trouble, send })
    addEventListener('resize', () => this.#fit()) // a narrower window breaks lines anew
    form.addEventListener('submit', event => {
      event.preventDefault()
      this.#submit()
    })
    form.addEventListener('change', () => this.#onMode())
    text.addEventListener('keydown', event => this.#onKey(event))
    text.addEventListener('input', () => this.#onInput())
  }

  clear() {
    this.#write('')
  }

  get #mode() {
    return this.form.elements.mode.value
  }

  #submit() {
    const text = this.text.value
    if (!text.trim()) return
    const trouble = (this.#mode === 'json' && troubleWith(text)) || this.send(this.#mode === 'json' ? text.trim() : JSON.stringify(text))
    if (trouble) {
      this.#tell(trouble)
      this.text.focus()
    } else {
      this.#lastSent = text
      this.#write('')
    }
  }

  #onKey(event) {
    const isAlone = !event.shiftKey && !event.isComposing // Enter also ends the composition of a character
    const recalls = event.key === 'ArrowUp' && !this.text.value && this.#lastSent
    if (!(event.key === 'Enter' && isAlone) && !recalls) return
    event.preventDefault()
    if (recalls) this.#write(this.#lastSent)
    else this.#submit()
  }

  #onMode() {
    this.text.classList.toggle('code', this.#mode === 'json')
    this.text.placeholder = PLACEHOLDERS[this.#mode]
    this.#onInput()
  }

  #write(text) {
    this.text.value = text
    this.#onInput()
  }

  #onInput() {
    this.#tell('')
    this.#fit()
  }

  /** As many rows as the text takes up, those of long lines counted too; `field-sizing` is not everywhere yet. */
  #fit() {
    this.text.rows = Math.min(this.text.value.split('\n').length, MAX_ROWS)
    while (this.text.rows < MAX_ROWS && this.text.scrollHeight > this.text.clientHeight) this.text.rows += 1
  }

  #tell(trouble) {
    this.trouble.textContent = trouble
    this.text.setAttribute('aria-invalid', Boolean(trouble))
  }
}

function troubleWith(json) {
  try {
    JSON.parse(json)
    return ''
  } catch (error) {
    return `This is not JSON, so it was not sent. ${error.message}`
  }
}

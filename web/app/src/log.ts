import { html, nothing, type PropertyValues, type TemplateResult } from 'lit'
import { Element } from './element.ts'
import type { Words } from './i18n.ts'
import { colourOf, linkify, plain } from './text.ts'

/** A line of the log: what somebody wrote, or, without an author, what happened. */
export interface Line { id: string; author?: { id: string; name: string; own: boolean }; time: number; text: string }

const near = 80 // px from the end that count as reading the newest

/** What was said. */
export class Log extends Element {
  static override properties = { words: { attribute: false }, lines: { attribute: false }, hint: {}, behind: { state: true } }
  declare words: Words
  declare lines: readonly Line[]
  declare hint: string
  declare behind: boolean
  // What appears above or below, or a turned phone, must not hide the newest line.
  #resized = new ResizeObserver(() => { if (!this.#reading) this.#toEnd() })
  #reading = false // what was said before

  protected override render(): TemplateResult {
    const { words, lines } = this
    return html`
      <div class="log" role="log" aria-label=${words.messages} tabindex="0" @scroll=${this.#scrolled}>
        ${lines.length === 0 || this.hint ? html`<p class="hint">${this.hint}</p>` : nothing}
        ${lines.map((line, i) => this.#line(line, lines[i - 1]))}
      </div>
      ${this.behind ? html`<button class="newest" @click=${this.#toEnd}>↓ ${words.newMessages}</button>` : nothing}`
  }

  #line(line: Line, before: Line | undefined): TemplateResult {
    const { author } = line
    if (!author) return html`<p class="event">${plain(line.text)}</p>`
    const goesOn = before?.author?.id === author.id && line.time - before.time < 300_000
    return html`
      <article class=${`message ${author.own ? 'own' : ''} ${goesOn ? 'on' : ''}`} data-colour=${colourOf(author.id)}>
        <header><b>${plain(author.name)}</b> ${clock(line.time, this.words.code)}</header>
        <p dir="auto">${linkify(plain(line.text)).map(({ text, href }) =>
          href ? html`<a href=${href} target="_blank" rel="noopener noreferrer">${text}</a>` : text)}</p>
      </article>`
  }

  protected override firstUpdated(): void {
    if (this.#scroller) this.#resized.observe(this.#scroller)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#resized.disconnect()
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('lines')) return
    const newest = this.lines.at(-1)
    if (newest?.author?.own) this.#reading = false
    this.behind = this.#reading
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('lines') && !this.#reading) this.#toEnd()
  }

  get #scroller(): HTMLElement | null {
    return this.querySelector('.log')
  }

  #toEnd(): void {
    this.#scroller?.scrollTo({ top: this.#scroller.scrollHeight })
  }

  #scrolled(event: Event): void {
    const { scrollHeight, scrollTop, clientHeight } = event.target as HTMLElement
    this.#reading = scrollHeight - scrollTop - clientHeight > near
    if (!this.#reading) this.behind = false
  }
}

function clock(time: number, language: string): TemplateResult {
  const date = new Date(time)
  return html`<time datetime=${date.toISOString()}>${date.toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit' })}</time>`
}

customElements.define('snug-log', Log)

import './invite.ts'
import './log.ts'
import './people.ts'
import './room.ts'
import './start.ts'
import './style.css'
import './verify.ts'
import { html, type TemplateResult } from 'lit'
import { Element, kept } from './element.ts'
import { chosen, languages, type Words } from './i18n.ts'

/** The page: the start, or a room, and the language. */
class App extends Element {
  static override properties = { words: { state: true } }
  declare words: Words

  constructor() {
    super()
    this.words = chosen(location.search, kept.language, navigator.languages)
  }

  protected override render(): TemplateResult {
    const { words } = this
    document.documentElement.lang = words.code
    const inRoom = /\/r\/[^/]*$/.test(location.pathname)
    return html`
      ${inRoom ? html`<snug-room .words=${words}></snug-room>` : html`<snug-start .words=${words}></snug-start>`}
      <footer><button class="quiet" lang=${words.code === 'en' ? 'zh' : 'en'} @click=${this.#switch}>${words.other}</button></footer>`
  }

  #switch(): void {
    const other = this.words.code === 'en' ? languages['zh'] : languages['en']
    if (!other) return
    this.words = other
    kept.language = other.code
  }
}

customElements.define('snug-app', App)

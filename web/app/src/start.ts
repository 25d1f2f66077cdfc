import { html, nothing, type TemplateResult } from 'lit'
import { checkRoom, inviteTo, newInvite, newRoomName, parseInvite, SnugError } from '../../sdk/src/index.ts'
import { Element, kept } from './element.ts'
import { explain, type Words } from './i18n.ts'

/** Where one creates a room or joins one. */
export class Start extends Element {
  static override properties = { words: { attribute: false }, error: { state: true } }
  declare words: Words
  declare error: unknown

  protected override render(): TemplateResult {
    const { words, error } = this
    return html`
      <main class="start">
        <h1><img src="./icon.svg" alt="" width="56" height="56"> snug</h1>
        <p class="title">${words.title}</p>
        <p class="lead">${words.lead}</p>
        <label>${words.yourName}
          <input name="name" maxlength="40" autocomplete="nickname" .value=${kept.name ?? ''} @change=${this.#name}>
        </label>
        <button class="primary" @click=${this.#create}>${words.create}</button>
        ${encrypts() ? nothing : html`<p class="small">${words.insecure}</p>`}
        <p class="or">${words.or}</p>
        <form class="row" @submit=${this.#join}>
          <input name="invite" required aria-label=${words.invite} placeholder=${words.invitePlaceholder} autocomplete="off" spellcheck="false">
          <button>${words.join}</button>
        </form>
        ${error ? html`<p role="alert">${explain(words, error)}</p>` : nothing}
      </main>`
  }

  #name(event: Event): void {
    kept.name = (event.target as HTMLInputElement).value.trim()
  }

  /** A room of its own is sealed, where that can be. */
  async #create(): Promise<void> {
    if (!encrypts()) return this.#go(newRoomName())
    try {
      location.assign(await newInvite(new URL('.', document.baseURI)))
    } catch (error) {
      this.error = error
    }
  }

  #join(event: SubmitEvent): void {
    event.preventDefault()
    const text = String(new FormData(event.target as HTMLFormElement).get('invite')).trim()
    try {
      if (checkRoom(text) === undefined) return this.#go(text)
      const { hub, room, key } = parseInvite(text)
      location.assign(inviteTo(hub, room, key))
    } catch (error) {
      this.error = error instanceof SnugError ? error : new SnugError('invite', String(error))
    }
  }

  #go(room: string): void {
    location.assign(new URL(`r/${room}`, document.baseURI.replace(/[?#].*$/, '')))
  }
}

/** Browsers do so at https:// and on localhost only. */
function encrypts(): boolean {
  return globalThis.crypto?.subtle !== undefined
}

customElements.define('snug-start', Start)

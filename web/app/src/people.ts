import { html, nothing, type TemplateResult } from 'lit'
import { type Cause, isTemporary, type Member } from '../../sdk/src/index.ts'
import { Element } from './element.ts'
import type { Words } from './i18n.ts'
import { colourOf, plain } from './text.ts'

/** Causes that no network has a part in. */
const explained: readonly Cause[] = ['closed', 'left', 'self', 'refused', 'forged', 'sealed']

/** Who is here: oneself first. Emits `kick`, with an id as detail, where one may, and `verify`, with a member. */
export class People extends Element {
  static override properties = { words: { attribute: false }, self: { attribute: false }, members: { attribute: false }, mayKick: { attribute: false } }
  declare words: Words
  declare self: { id: string; name: string }
  declare members: readonly Member[]
  declare mayKick: boolean

  protected override render(): TemplateResult {
    const { words, self, members } = this
    return html`
      <h2 id="here">${words.inRoom}</h2>
      <ul aria-labelledby="here" tabindex="0">
        <li data-colour=${colourOf(self.id)}><span class="face" aria-hidden="true">${initial(self.name)}</span>
          <span class="who"><b>${plain(self.name)}</b> <small>${words.you}</small></span></li>
        ${members.map(m => html`
          <li data-colour=${colourOf(m.id)} data-state=${m.away ? 'away' : m.state}>
            <span class="face" aria-hidden="true">${initial(m.name)}</span>
            <span class="who"><b>${plain(m.name || words.unnamed)}</b> <small>${this.#state(m)}</small>${this.#why(m)}${this.#standing(m)}</span>
            ${m.standing && m.state === 'live' ? this.#verify(m) : nothing}
            ${this.mayKick ? this.#kick(m) : nothing}</li>`)}
      </ul>`
  }

  #state(m: Member): string {
    const { words } = this
    if (m.away) return m.state === 'live' ? words.awayLinked : words.away
    if (m.state === 'live' && m.path) return words.paths[m.path] ?? words.states.live // of a later version
    return words.states[m.state]
  }

  /** Why there is no link, what helps, and whether another is tried. */
  #why({ state, cause, away }: Member): TemplateResult | typeof nothing {
    const { words } = this
    if ((state !== 'gone' && state !== 'connecting') || !cause || away) return nothing
    const doctor = explained.includes(cause) ? nothing : html` <a href="../doctor" target="_blank">${words.doctor}</a>`
    return html` <small class="why">${words.causes[cause]}${doctor}</small>${isTemporary(cause) ? html` <small>${words.again}</small>` : nothing}`
  }

  /** What is known of who this is: plainly, if it may be somebody else. */
  #standing({ standing, asks }: Member): TemplateResult | typeof nothing {
    const { words } = this
    if (!standing) return nothing
    return html` <small class=${standing === 'changed' ? 'why changed' : 'standing'}>${words.standings[standing]}</small>${asks ? html` <small class="why">${words.asks}</small>` : nothing}`
  }

  #verify(member: Member): TemplateResult {
    const label = this.words.verify(plain(member.name || this.words.unnamed))
    return html`<button class="quiet verify" aria-label=${label} title=${label} @click=${() => this.dispatchEvent(new CustomEvent('verify', { detail: member }))}>${this.words.verifyTag}</button>`
  }

  #kick({ id, name }: Member): TemplateResult {
    const label = this.words.kick(plain(name || this.words.unnamed))
    return html`<button class="quiet kick" aria-label=${label} title=${label} @click=${() => this.dispatchEvent(new CustomEvent('kick', { detail: id }))}>✕</button>`
  }
}

function initial(name: string): string {
  return [...plain(name)][0]?.toUpperCase() ?? '?'
}

customElements.define('snug-people', People)

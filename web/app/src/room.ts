import { html, nothing, type TemplateResult } from 'lit'
import { Chat, ChatMessageEvent, EndEvent, join, type Member, parseInvite, type Room, SnugError } from '../../sdk/src/index.ts'
import { inviteHere } from './address.ts'
import { Element, kept } from './element.ts'
import { explain, type Words } from './i18n.ts'
import type { Line } from './log.ts'
import { guestName } from './text.ts'
import type { Verify } from './verify.ts'

const maxLines = 1000
// Errors that trying again doesn't help against.
const hopeless = ['room', 'invite', 'no-key', 'wrong-key', 'damaged-key', 'insecure', 'no-ed25519', 'no-webrtc', 'not-a-hub', 'origin', 'kicked', 'version']
// Those that the network may be to blame for.
const unreached = ['unreachable', 'not-a-hub', 'no-websocket', 'timeout', 'slow']
const wantToken = ['token', 'expired', 'forbidden']

/** A room: who is here, what is said, and what is going on. */
export class RoomView extends Element {
  static override properties = {
    words: { attribute: false }, room: { state: true }, error: { state: true }, left: { state: true }, lines: { state: true },
    now: { state: true }, problem: { state: true },
  }
  declare words: Words
  declare room: Room | undefined
  declare error: unknown
  declare left: boolean
  declare lines: readonly Line[]
  declare now: number
  declare problem: string
  #chat: Chat | undefined
  #here = new Map<string, Member>()
  #joining = false
  #invite = inviteHere()
  #token: string | undefined // of who was asked for one; it stands in no link
  #unread = 0
  #tick: ReturnType<typeof setInterval> | undefined

  override connectedCallback(): void {
    super.connectedCallback()
    this.lines = []
    this.problem = ''
    void this.#join()
    document.addEventListener('visibilitychange', this.#seen)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    document.removeEventListener('visibilitychange', this.#seen)
    void this.room?.leave()
  }

  protected override render(): TemplateResult {
    if (this.error) return this.#failed()
    if (this.left) return this.#gone()
    return html`
      <div class="room">
        <header class="bar">
          <a class="home" href="../" aria-label="snug"><img src="../icon.svg" alt="" width="28" height="28"></a>
          <h1>${this.#name()}</h1>
          ${this.#sealed()}
          ${this.room?.locked ? html`<small class="tag" title=${this.words.locked}>${this.words.lockedTag}</small>` : nothing}
          ${this.room?.permissions.includes('lock') ? html`<button @click=${this.#lock}>${this.room.locked ? this.words.unlock : this.words.lock}</button>` : nothing}
          <button @click=${this.#leave} ?disabled=${!this.room}>${this.words.leave}</button>
        </header>
        <aside>${this.#members()}</aside>
        <main>
          ${this.#status()}
          <snug-log .words=${this.words} .lines=${this.lines} .hint=${this.#hint()}></snug-log>
          ${this.#composer()}
        </main>
      </div>`
  }

  #sealed(): TemplateResult | typeof nothing {
    const { words, room } = this
    if (!room) return nothing
    return html`<small class="seal" title=${room.sealed ? words.sealed : words.openRoom}>${room.sealed ? words.sealedTag : words.openTag}</small>`
  }

  #members(): TemplateResult {
    const { words, room } = this
    if (!room) return html`<p class="small">${words.connecting}</p>`
    return html`
      <snug-people .words=${words} .self=${room.self} .members=${room.members} .mayKick=${room.permissions.includes('kick')} @kick=${this.#kick} @verify=${this.#verify}></snug-people>
      <form class="row name" @submit=${this.#rename}>
        <input name="name" maxlength="40" required aria-label=${words.yourName} autocomplete="nickname" .value=${room.self.name}>
        <button>${words.save}</button>
      </form>
      <snug-invite .words=${words} .invite=${room.invite} .note=${this.#whoMayEnter(room)}></snug-invite>
      ${room.sealed ? html`<snug-verify .words=${words} .room=${room}></snug-verify>` : nothing}`
  }

  #kick(event: CustomEvent<string>): void {
    this.#ask(this.room?.kick(event.detail))
  }

  #verify(event: CustomEvent<Member>): void {
    this.#verifying?.begin(event.detail)
  }

  get #verifying(): Verify | null {
    return this.querySelector('snug-verify')
  }

  #lock(): void {
    const { room } = this
    this.#ask(room?.lock(!room.locked))
  }

  #ask(asked: Promise<unknown> | undefined): void {
    this.problem = ''
    asked?.catch((error: unknown) => { this.problem = explain(this.words, error) })
  }

  #whoMayEnter(room: Room): string {
    if (room.locked) return this.words.locked
    if (room.self.identity !== undefined) return this.words.byToken
    return room.sealed ? this.words.sealed : `${this.words.open} ${this.words.openRoom}`
  }

  /** One element that changes, so that it is read out; the seconds aren't. */
  #status(): TemplateResult {
    const { words, room, now } = this
    const hub = room?.hub
    let [text, seconds, quiet] = ['', '', false]
    if (hub?.state === 'connected') {
      quiet = hub.transport === 'http'
      if (quiet) text = words.overHTTP
    } else if (hub?.state === 'waiting' && hub.retryAt === undefined) {
      text = words.offline
    } else if (hub) {
      text = words.hubAway
      if (hub.state === 'waiting') seconds = words.retryIn(Math.max(0, Math.ceil((hub.retryAt! - now) / 1000)))
    }
    return html`<p class=${quiet ? 'status quiet' : 'status'} role="status">${text}${seconds ? html` <span aria-hidden="true">${seconds}</span>` : nothing}</p>`
  }

  #hint(): string {
    if (!this.room) return this.words.connecting
    return this.room.members.length === 0 && this.lines.length === 0 ? this.words.alone : ''
  }

  #composer(): TemplateResult {
    const { words } = this
    return html`
      <form class="composer" @submit=${this.#send}>
        ${this.problem ? html`<p role="alert">${this.problem}</p>` : nothing}
        <textarea name="body" rows="1" aria-label=${words.message} placeholder=${words.message} enterkeyhint="send"
          ?disabled=${!this.room} @keydown=${this.#key} @input=${grow}></textarea>
        <button class="primary" ?disabled=${!this.room}>${words.send}</button>
      </form>`
  }

  #failed(): TemplateResult {
    const { words, error } = this
    const code = error instanceof SnugError ? error.code : ''
    const again = !hopeless.includes(code) && !wantToken.includes(code)
    return html`
      <main class="start">
        <h1><img src="../icon.svg" alt="" width="56" height="56"> snug</h1>
        <p role="alert">${explain(words, error)}</p>
        ${wantToken.includes(code) ? this.#tokenForm() : nothing}
        <div class="row">
          ${again ? html`<button class="primary" @click=${this.#join}>${words.retry}</button>` : nothing}
          <a class="button" href="../">${words.newRoom}</a>
          ${unreached.includes(code) ? html`<a class="button" href="../doctor">${words.doctor}</a>` : nothing}
        </div>
      </main>`
  }

  #tokenForm(): TemplateResult {
    const { words } = this
    return html`
      <form class="row" @submit=${this.#withToken}>
        <input name="token" type="password" required maxlength="4096" aria-label=${words.token} placeholder=${words.token} autocomplete="off">
        <button class="primary">${words.join}</button>
      </form>`
  }

  #withToken(event: SubmitEvent): void {
    event.preventDefault()
    this.#token = String(new FormData(event.target as HTMLFormElement).get('token')).trim()
    void this.#join()
  }

  #gone(): TemplateResult {
    const { words } = this
    return html`
      <main class="start">
        <h1><img src="../icon.svg" alt="" width="56" height="56"> snug</h1>
        <p class="title">${words.left}</p>
        <div class="row">
          <button class="primary" @click=${this.#join}>${words.joinAgain}</button>
          <a class="button" href="../">${words.newRoom}</a>
        </div>
      </main>`
  }

  #name(): string {
    try {
      return parseInvite(this.#invite).room
    } catch {
      return ''
    }
  }

  async #join(): Promise<void> {
    if (this.#joining) return
    this.#joining = true
    this.error = undefined
    this.left = false
    try {
      kept.name ||= guestName(this.words.guest)
      const token = this.#token
      this.#joined(await join(this.#invite, { name: kept.name || guestName(this.words.guest), ...(token === undefined ? {} : { token }) }))
    } catch (error) {
      this.error = error
    } finally {
      this.#joining = false
    }
  }

  #joined(room: Room): void {
    this.room = room
    this.#here.clear()
    this.#chat = new Chat(room)
    this.#chat.addEventListener('message', event => this.#heard(event as ChatMessageEvent))
    room.addEventListener('members', () => this.#membersChanged())
    room.addEventListener('verify', ({ member }) => this.#verifying?.asked(member))
    room.addEventListener('hub', () => this.#hubChanged())
    room.addEventListener('locked', () => this.requestUpdate())
    room.addEventListener('end', event => this.#ended(room, (event as EndEvent).error))
    this.#membersChanged()
    void this.updateComplete.then(() => this.querySelector('textarea')?.focus())
  }

  #membersChanged(): void {
    const { room, words } = this
    if (!room) return
    const now = new Map(room.members.map(m => [m.id, m]))
    for (const [id, { name }] of now) if (!this.#here.has(id)) this.#say(words.cameIn(name || words.unnamed))
    for (const [id, { name }] of this.#here) if (!now.has(id)) this.#say(words.wentOut(name || words.unnamed))
    this.#here = now
    this.#verifying?.follow(room.members)
    this.requestUpdate()
  }

  /** While the hub is away, a clock counts the seconds to the next attempt. */
  #hubChanged(): void {
    this.now = Date.now()
    clearInterval(this.#tick)
    const { hub } = this.room ?? {}
    if (hub?.state === 'waiting' && hub.retryAt !== undefined) this.#tick = setInterval(() => { this.now = Date.now() }, 1000)
    this.requestUpdate()
  }

  #ended(room: Room, error: SnugError | undefined): void {
    if (room !== this.room) return
    clearInterval(this.#tick)
    this.room = undefined
    if (error) this.error = error
    else this.left = true
  }

  async #leave(): Promise<void> {
    await this.room?.leave()
  }

  /** An entry doesn't change while its member is in the room, so a new name comes in anew. */
  async #rename(event: SubmitEvent): Promise<void> {
    event.preventDefault()
    const name = String(new FormData(event.target as HTMLFormElement).get('name')).trim()
    const { room } = this
    if (!name || !room || name === room.self.name) return
    kept.name = name
    this.room = undefined
    await room.leave()
    await this.#join()
  }

  #heard({ message, member }: ChatMessageEvent): void {
    this.#add({ id: `${member.id}/${message.id}`, author: { id: member.id, name: member.name || this.words.unnamed, own: false }, time: Date.now(), text: message.body })
    if (document.hidden) document.title = `(${++this.#unread}) snug`
  }

  #seen = () => {
    if (document.hidden) return
    this.#unread = 0
    document.title = 'snug'
  }

  #say(text: string): void {
    this.#add({ id: crypto.getRandomValues(new Uint32Array(2)).join(), time: Date.now(), text })
  }

  #add(line: Line): void {
    this.lines = [...this.lines.slice(1 - maxLines), line]
  }

  #key(event: KeyboardEvent): void {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    ;(event.target as HTMLTextAreaElement).form?.requestSubmit()
  }

  #send(event: SubmitEvent): void {
    event.preventDefault()
    const box = this.querySelector('textarea')
    const { room } = this
    if (!box || !room || !this.#chat || box.value.trim() === '') return
    this.problem = ''
    try {
      const { message, sent } = this.#chat.send(box.value)
      sent.catch((error: unknown) => { this.problem = error instanceof SnugError ? explain(this.words, error) : this.words.unsent })
      this.#add({ id: message.id, author: { id: room.self.id, name: room.self.name, own: true }, time: message.time, text: message.body })
      box.value = ''
      grow({ target: box })
    } catch (error) {
      this.problem = explain(this.words, error)
    }
    box.focus()
  }
}

function grow({ target }: { target: EventTarget | null }): void {
  const box = target as HTMLTextAreaElement
  box.rows = Math.min(6, Math.max(1, box.value.split('\n').length, Math.ceil(box.value.length / 60)))
}

customElements.define('snug-room', RoomView)

import { html, nothing, type TemplateResult } from 'lit'
import { type Comparison, type Member, type Room, SnugError } from '../../sdk/src/index.ts'
import { Element } from './element.ts'
import { explain, type Words } from './i18n.ts'
import { plain } from './text.ts'

/** With whom emoji are compared, and how far that is: `asked` by the other side, `waiting` for it, to be `compared`, or `done`, as the text says. */
type Step = { id: string; name: string } & ({ at: 'asked' | 'waiting' } | { at: 'compared'; comparison: Comparison } | { at: 'done'; text: string })

/** Compares emoji with a member, in a dialog. */
export class Verify extends Element {
  static override properties = { words: { attribute: false }, room: { attribute: false }, step: { state: true } }
  declare words: Words
  declare room: Room
  declare step: Step | undefined

  /** Begins. */
  begin({ id, name }: Member): void {
    const step: Step = { id, name: plain(name || this.words.unnamed), at: 'waiting' }
    this.#show(step)
    this.room.verify(id).then(
      comparison => { if (this.step === step) this.#show({ ...step, at: 'compared', comparison }) },
      (error: unknown) => { if (this.step === step) this.#done(step, error) },
    )
  }

  /** Somebody there wants to. While something else is shown, it stands in the list only. */
  asked({ id, name }: Member): void {
    if (!this.step) this.#show({ id, name: plain(name || this.words.unnamed), at: 'asked' })
  }

  /** Who asked may have given up, or be gone. */
  follow(members: readonly Member[]): void {
    if (this.step?.at === 'asked' && !members.some(m => m.id === this.step?.id && m.asks)) this.#close()
  }

  protected override render(): TemplateResult {
    const { step } = this
    return html`<dialog aria-labelledby="verifying" @close=${this.#stop}>${step ? html`<h2 id="verifying">${this.words.verify(step.name)}</h2>${this.#body(step)}` : nothing}</dialog>`
  }

  #body(step: Step): TemplateResult {
    const { words } = this
    switch (step.at) {
      case 'asked': return html`<p>${words.verifyAsked(step.name)}</p>
        <div class="row"><button class="primary" @click=${() => this.begin(step as unknown as Member)}>${words.compare}</button><button @click=${this.#close}>${words.notNow}</button></div>`
      case 'waiting': return html`<p role="status">${words.verifyWaiting(step.name)}</p><div class="row"><button @click=${this.#close}>${words.notNow}</button></div>`
      case 'compared': return html`<p>${words.verifyCompare(step.name)}</p>
        <ol class="emoji">${step.comparison.emoji.map(e => html`<li><span aria-hidden="true">${e.symbol}</span> ${words.code === 'zh' ? e.zh : e.en}</li>`)}</ol>
        <div class="row"><button class="primary" @click=${() => this.#answer(step, true)}>${words.match}</button><button @click=${() => this.#answer(step, false)}>${words.differ}</button></div>`
      case 'done': return html`<p role="status">${step.text}</p><div class="row"><button class="primary" @click=${this.#close}>${words.close}</button></div>`
    }
  }

  #answer(step: Step & { comparison: Comparison }, same: boolean): void {
    step.comparison.answer(same).then(
      () => this.#show({ ...step, at: 'done', text: same ? this.words.verified(step.name) : explain(this.words, new SnugError('verify-differs', '')) }),
      (error: unknown) => this.#done(step, error),
    )
  }

  #done(step: Step, error: unknown): void {
    this.#show({ id: step.id, name: step.name, at: 'done', text: explain(this.words, error) })
  }

  #show(step: Step): void {
    this.step = step
    void this.updateComplete.then(() => {
      const dialog = this.querySelector('dialog')
      if (dialog && !dialog.open && this.step) dialog.showModal()
    })
  }

  #close(): void {
    this.querySelector('dialog')?.close()
  }

  /** Also by the key Escape. */
  #stop(): void {
    const { step } = this
    this.step = undefined
    if (step && step.at !== 'done') this.room.stopVerify(step.id)
  }
}

customElements.define('snug-verify', Verify)

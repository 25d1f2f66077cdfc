import { html, type TemplateResult } from 'lit'
import { generate } from 'lean-qr'
import { Element } from './element.ts'
import type { Words } from './i18n.ts'

/** The invite, to copy, and as a QR code. */
export class Invite extends Element {
  static override properties = { words: { attribute: false }, invite: {}, note: {}, copied: { state: true } }
  declare words: Words
  declare invite: string
  declare note: string // who can come in with it
  declare copied: boolean

  protected override render(): TemplateResult {
    const { words, invite, note } = this
    return html`
      <input class="link" readonly aria-label=${words.invite} .value=${invite} @focus=${(event: Event) => (event.target as HTMLInputElement).select()}>
      <div class="row">
        <button class="primary" @click=${this.#copy}>${words.copy}</button>
        <button @click=${this.#show}>${words.qr}</button>
      </div>
      <p class="small" role="status">${this.copied ? words.copied : note}</p>
      <dialog aria-label=${words.qrOf} @click=${this.#closeOutside}>
        <canvas role="img" aria-label=${words.qrOf}></canvas>
        <p class="link">${invite}</p>
        <form method="dialog"><button class="primary">${words.close}</button></form>
      </dialog>`
  }

  async #copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.invite)
    } catch { // not there on plain HTTP: the old way
      this.querySelector<HTMLInputElement>('input')?.select()
      document.execCommand('copy')
    }
    this.copied = true
    setTimeout(() => { this.copied = false }, 3000)
  }

  #show(): void {
    const canvas = this.querySelector('canvas')
    if (!canvas) return
    generate(this.invite).toCanvas(canvas, { on: [0, 0, 0, 255], off: [255, 255, 255, 255] })
    this.querySelector('dialog')?.showModal()
  }

  #closeOutside(event: MouseEvent): void {
    if (event.target instanceof HTMLDialogElement) event.target.close()
  }
}

customElements.define('snug-invite', Invite)

import { html, nothing, type TemplateResult } from 'lit'
import { checkHTTPS, checkHub, comeIn, type Visit } from './doctor/hub.ts'
import { checkICE } from './doctor/relay.ts'
import { checks, type Found, render, type Result, title } from './doctor/words.ts'
import { language, type PageWords, wordsOf } from './doctor/page.ts'
import { Element, kept } from './element.ts'

const marks = { ok: '✓', warn: '!', fail: '✗', skipped: '–' }

/** The page at /doctor: what snug doctor tells in a terminal, found out by a browser. */
class Doctor extends Element {
  static override properties = { language: { state: true }, found: { state: true }, working: { state: true }, broken: { state: true }, copied: { state: true } }
  declare language: string
  declare found: ReadonlyMap<string, Found>
  declare working: boolean
  declare broken: string // why it didn't come to an end
  declare copied: boolean

  constructor() {
    super()
    this.language = language(location.search, kept.language, navigator.languages)
    this.found = new Map()
    this.working = false
    this.broken = ''
    this.copied = false
  }

  override connectedCallback(): void {
    super.connectedCallback()
    void this.#run()
  }

  protected override render(): TemplateResult {
    const words = wordsOf(this.language)
    document.documentElement.lang = this.language
    document.title = `snug: ${words.title}`
    const results = this.#results()
    return html`
      <main class="doctor">
        <header><a class="home" href="./" aria-label=${words.home}><img src="./icon.svg" alt="" width="40" height="40"></a><h1>${words.title}</h1></header>
        <p class="lead">${words.lead}</p>
        <p class="sum" role="status">${this.working ? words.working : this.broken ? words.broken(this.broken) : sum(results, words)}</p>
        <div class="row">
          <button class="primary" ?disabled=${this.working} @click=${() => this.#run()}>${words.again}</button>
          <button ?disabled=${this.working} @click=${() => this.#copy(results)}>${this.copied ? words.copied : words.copy}</button>
        </div>
        <ul>${checks.map(id => this.#line(id, results.get(id), words))}</ul>
        ${results.get('join')?.status === 'fail' && this.found.get('join')?.kind === 'token' ? this.#tokenForm(words) : nothing}
      </main>
      <footer><button class="quiet" lang=${this.language === 'en' ? 'zh' : 'en'} @click=${this.#switch}>${words.language}</button></footer>`
  }

  #results(): Map<string, Result> {
    return new Map([...this.found].map(([id, found]) => [id, render(this.language, found)]))
  }

  #line(id: string, result: Result | undefined, words: PageWords): TemplateResult | typeof nothing {
    if (!result && !this.working) return nothing
    const status = result?.status
    return html`
      <li data-id=${id} data-status=${status ?? 'open'}>
        <span class="mark" role="img" aria-label=${status ? words.status[status] : words.working}>${status ? marks[status] : '…'}</span>
        <div><p><b>${result?.title ?? title(this.language, id)}</b> ${result?.what}</p>
          ${result?.means ? html`<p class="means">${result.means}</p>` : nothing}
          ${result?.mend ? html`<p class="mend">${result.mend}</p>` : nothing}</div>
      </li>`
  }

  #tokenForm(words: PageWords): TemplateResult {
    return html`
      <form class="row" @submit=${this.#withToken}>
        <input name="token" type="password" required maxlength="4096" aria-label=${words.token} placeholder=${words.token} autocomplete="off">
        <button>${words.useToken}</button>
      </form>`
  }

  #withToken(event: SubmitEvent): void {
    event.preventDefault()
    void this.#run(String(new FormData(event.target as HTMLFormElement).get('token')).trim())
  }

  /** Tries everything. What isn't tried is said to be skipped. */
  async #run(token?: string): Promise<void> {
    if (this.working) return
    this.working = true
    this.broken = ''
    this.copied = false
    this.found = new Map()
    const say = (id: string, kind: string, values: Record<string, string> = {}): void => {
      if (this.found.has(id)) return
      this.found = new Map(this.found).set(id, { id, kind, with: values })
    }
    try {
      await examine(token, say)
    } catch (error) {
      this.broken = String(error)
      throw error // for the console
    } finally {
      for (const id of checks) say(id, 'skipped')
      this.working = false
    }
  }

  async #copy(results: Map<string, Result>): Promise<void> {
    const lines = [location.origin, ...[...results.values()].map(r => `${r.status}: ${r.title}: ${[r.what, r.means, r.mend].filter(Boolean).join(' ')}`), navigator.userAgent]
    await navigator.clipboard.writeText(lines.join('\n'))
    this.copied = true
  }

  #switch(): void {
    this.language = this.language === 'en' ? 'zh' : 'en'
    kept.language = this.language
  }
}

/** Runs all checks, those at the same time that don't depend on one another. */
async function examine(token: string | undefined, say: (id: string, kind: string, values?: Record<string, string>) => void): Promise<void> {
  const base = new URL('./', document.baseURI.replace(/[?#].*$/, ''))
  checkHTTPS(base, say)
  if (!await checkHub(base, say)) return
  const visit: Visit | undefined = await comeIn(base, token, say)
  if (!visit) return
  say('join', 'ok')
  try {
    if (typeof RTCPeerConnection === 'undefined') say('path', 'none')
    const ice = typeof RTCPeerConnection === 'undefined' ? undefined : checkICE(visit.welcome.ice.servers, say)
    await Promise.all([ice, visit.silence(say)])
  } finally {
    visit.leave()
  }
}

function sum(results: Map<string, Result>, words: PageWords): string {
  const count = (status: Result['status']) => [...results.values()].filter(r => r.status === status).length
  if (results.size === 0) return ''
  if (count('fail') > 0) return words.failed(count('fail'))
  return count('warn') > 0 ? words.warned(count('warn')) : words.fine
}

customElements.define('snug-app', Doctor)

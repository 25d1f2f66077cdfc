declare global {
  /** The Network Information API, which not every browser has; and some don't tell the type. */
  interface Navigator { readonly connection?: EventTarget & { readonly type?: string } }
}

/** What a page notices of its network and of who looks at it. */
export interface WakeHandlers {
  /** There is a network again, or another one. */
  online(): void
  offline(): void
  /** Somebody looks, or the browser gives the page back that it had put to sleep. */
  shown(): void
  /** The browser puts the page to sleep, and this is its last word. */
  frozen(): void
}

/** Listens until signal aborts. */
export function whenAwake(signal: AbortSignal, on: WakeHandlers): void {
  const { document } = globalThis
  const connection = globalThis.navigator?.connection
  let type = connection?.type
  connection?.addEventListener('change', () => { // most often only its speed has changed
    if (type !== connection.type) on.online()
    type = connection.type
  }, { signal })
  globalThis.addEventListener?.('online', () => on.online(), { signal })
  globalThis.addEventListener?.('offline', () => on.offline(), { signal })
  globalThis.addEventListener?.('pageshow', event => { if (event.persisted) on.shown() }, { signal })
  document?.addEventListener('freeze', () => on.frozen(), { signal })
  document?.addEventListener('resume', () => on.shown(), { signal })
  document?.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') on.shown() }, { signal })
}

/** Whether nobody can see the page. Programs without a page count as seen. */
export function isHidden(): boolean {
  return globalThis.document?.visibilityState === 'hidden'
}

/** Whether trying to reach this address is in vain. This machine can be reached without a network. */
export function isOffline({ hostname }: URL): boolean {
  return globalThis.navigator?.onLine === false && !/^(localhost|.*\.localhost|127\..*|\[::1\])$/.test(hostname)
}

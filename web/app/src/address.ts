/**
 * The invite that this page was opened with. Its key is taken out of the address at once, lest it stay in the
 * browser's history, which may be shared between devices, or be read over a shoulder. A reload finds it in the state of this entry.
 */
export function inviteHere(): string {
  const key = location.hash.slice(1)
  if (key) history.replaceState({ ...history.state, key }, '', location.pathname + location.search)
  const kept: unknown = history.state?.key
  return location.href.replace(/#.*/, '') + (typeof kept === 'string' ? `#${kept}` : '')
}

// Whoever pastes the whole link over one without its key goes nowhere otherwise.
addEventListener('hashchange', () => location.reload())

const browser = 'browser'

/** Whether self makes the offers on its link to other: LINK.md, section 2, has the reasons and the figures. */
export function offers(self: { id: string; kind: string }, other: { id: string; kind: string }): boolean {
  if ((self.kind === browser) !== (other.kind === browser)) return self.kind === browser
  return self.id < other.id
}

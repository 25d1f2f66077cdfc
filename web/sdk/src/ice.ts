import { count, list, maybe, object, string } from './decode.ts'

export interface ICE { servers: RTCIceServer[]; expires?: number }

// RFC 7064, RFC 7065: a host name, an address, or an IPv6 one in brackets; perhaps a port; for TURN perhaps a transport.
// No PeerConnection comes of what Chromium or Firefox refuses: both were asked. Firefox has no stuns.
const address = /^(stun|turns?):(?:\[[0-9a-f:.]+\]|[^\s\[\]:/?#@,]+)(?::(\d{1,5}))?(\?transport=(?:udp|tcp))?$/i
const maxPort = 65_535

/** Decodes ICE servers. Those that some browser would refuse, and every PeerConnection with them, are left out with a warning. */
export function decodeICE(m: Record<string, unknown>): ICE {
  const servers = list(m['servers'] ?? [], 'servers').map(iceServer)
  return { servers: servers.map(usable).filter(({ urls }) => urls.length > 0), ...maybe(m, 'expires', count) }
}

interface Server extends RTCIceServer { urls: string[] }

function iceServer(value: unknown): Server {
  const s = object(value)
  const empty = (v: unknown, what: string) => string(v, what, true)
  const urls = list(s['urls'], 'urls').map(url => string(url, 'urls'))
  return { urls, ...maybe(s, 'username', empty), ...maybe(s, 'credential', empty) }
}

/** The server with those of its URLs that a browser takes. */
function usable(server: Server): Server {
  const urls = server.urls.filter(url => {
    const wrong = fault(url, server)
    if (wrong) console.warn(`The hub names an ICE server that browsers don’t take, so it is left out: ${url} ${wrong}.`)
    return !wrong
  })
  return { ...server, urls }
}

/** What is wrong with a server's URL; undefined if nothing is. */
function fault(url: string, { username, credential }: RTCIceServer): string | undefined {
  const [, scheme = '', port, transport] = address.exec(url) ?? []
  if (scheme === '') return 'is no URL of a STUN or TURN server'
  if (port !== undefined && (Number(port) === 0 || Number(port) > maxPort)) return 'has no port that there is'
  const turn = scheme.toLowerCase().startsWith('turn')
  if (transport !== undefined && !turn) return 'is a STUN server, which has no transport'
  if (turn && (!username || !credential)) return 'is a TURN server, and comes without username or credential'
  return undefined
}

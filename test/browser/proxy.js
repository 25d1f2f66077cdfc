// Proxies before the hub: one that keeps what every WebSocket frame says, and one that does what networks do.
import { once } from 'node:events'
import { createServer as createHTTPServer, request as forward } from 'node:http'
import { connect, createServer } from 'node:net'

/** Keeps what every WebSocket frame says, in both directions, and the heads of all requests and answers. */
export async function recordingProxy(port) {
  const proxy = { said: [] }
  const server = createServer(client => {
    const hub = connect(port, '127.0.0.1')
    pass(client, hub, proxy.said)
    pass(hub, client, proxy.said)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy.port = server.address().port
  proxy.close = () => server.close()
  return proxy
}

function pass(from, to, said) {
  const frames = new Frames(said)
  from.on('data', data => {
    frames.take(data)
    to.write(data)
  })
  from.on('end', () => to.end())
  from.on('error', () => to.destroy())
}

// Frames reads WebSocket frames behind an HTTP head (RFC 6455 §5.2).
class Frames {
  #buffer = Buffer.alloc(0)
  #upgraded = false
  #said

  constructor(said) {
    this.#said = said
  }

  /** No head comes before the frames. */
  isUpgraded() {
    this.#upgraded = true
  }

  take(data) {
    this.#buffer = Buffer.concat([this.#buffer, data])
    if (!this.#upgraded) {
      const end = this.#buffer.indexOf('\r\n\r\n')
      const head = this.#buffer.toString('latin1', 0, Math.max(0, end))
      if (end < 0) return
      this.#said.push(head)
      if (!/^upgrade: websocket/im.test(head)) { // a page, not a room
        this.#buffer = Buffer.alloc(0)
        return
      }
      this.#upgraded = true
      this.#buffer = this.#buffer.subarray(end + 4)
    }
    while (this.#frame());
  }

  #frame() {
    const b = this.#buffer
    if (b.length < 2) return false
    let size = b[1] & 127
    let at = 2
    if (size === 126) { if (b.length < 4) return false; size = b.readUInt16BE(2); at = 4 }
    else if (size === 127) { if (b.length < 10) return false; size = Number(b.readBigUInt64BE(2)); at = 10 }
    const masked = b[1] & 128
    const mask = b.subarray(at, at + 4)
    if (masked) at += 4
    if (b.length < at + size) return false
    const payload = Buffer.from(b.subarray(at, at + size))
    if (masked) for (let i = 0; i < size; i++) payload[i] ^= mask[i % 4]
    this.#said.push(payload.toString())
    this.#buffer = b.subarray(at + size)
    return true
  }
}

/**
 * An HTTP proxy before the hub, as networks have them. `upgrades` is what becomes of WebSockets: 'pass',
 * 'refuse' (403) or 'hang'. cut() ends everything that is under way; while `down` is set, nothing else begins.
 * `onframe` is told of each text that passes a WebSocket, with its direction, 'up' or 'down'.
 */
export async function networkProxy(port) {
  const proxy = { upgrades: 'pass', down: false, requests: [], onframe: () => {} }
  const sockets = new Set()
  const keep = socket => {
    if (sockets.has(socket)) return socket // one that is used again
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    return socket
  }
  const server = createHTTPServer((request, response) => {
    proxy.requests.push(request.url)
    const { method, url, headers } = request
    const upstream = forward({ host: '127.0.0.1', port, method, path: url, headers }, answer => {
      response.writeHead(answer.statusCode, answer.rawHeaders)
      answer.pipe(response)
      answer.on('error', () => response.destroy())
    })
    upstream.on('socket', keep)
    upstream.on('error', () => response.destroy())
    response.on('close', () => upstream.destroy())
    request.pipe(upstream)
  })
  server.on('connection', socket => proxy.down ? socket.destroy() : keep(socket))
  server.on('upgrade', (request, socket, head) => {
    if (proxy.upgrades === 'refuse') socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    if (proxy.upgrades !== 'pass') return
    const hub = keep(connect(port, '127.0.0.1'))
    hub.write(`${request.method} ${request.url} HTTP/1.1\r\n`)
    for (let i = 0; i < request.rawHeaders.length; i += 2) hub.write(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}\r\n`)
    hub.write('\r\n')
    hub.write(head)
    const [up, down] = ['up', 'down'].map(direction => new Frames({ push: text => proxy.onframe(text, direction) }))
    up.isUpgraded()
    socket.on('data', data => { hub.write(data); up.take(data) })
    hub.on('data', data => { socket.write(data); down.take(data) })
    socket.on('close', () => hub.destroy())
    hub.on('close', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy.port = server.address().port
  proxy.cut = () => { for (const socket of sockets) socket.destroy() }
  proxy.close = () => { proxy.cut(); server.close() }
  return proxy
}

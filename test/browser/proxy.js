// A proxy before the hub that keeps what every WebSocket frame says, in both directions.
import { connect, createServer } from 'node:net'
import { once } from 'node:events'

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

  take(data) {
    this.#buffer = Buffer.concat([this.#buffer, data])
    if (!this.#upgraded) {
      const end = this.#buffer.indexOf('\r\n\r\n')
      const head = this.#buffer.toString('latin1', 0, Math.max(0, end))
      if (end < 0) return
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

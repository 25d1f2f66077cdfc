// The PeerJS server as snug bench hub starts it: its limits are so high that none is met, and
// clients that say nothing are not put out. It answers each line with one: "settle" has it give back memory.
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { PeerServer } from 'peer'

const certificates = process.argv[2]
const ssl = certificates && {
  cert: readFileSync(join(certificates, 'certificate.pem')),
  key: readFileSync(join(certificates, 'key.pem')),
}

const options = { port: 0, host: '127.0.0.1', path: '/', concurrent_limit: 1e6, alive_timeout: 3_600_000 }
PeerServer(ssl ? { ...options, ssl } : options, server => {
  console.log(`127.0.0.1:${server.address().port}`)
})

for await (const order of createInterface({ input: process.stdin })) {
  if (order === 'settle') {
    globalThis.gc()
    globalThis.gc()
    console.log('ok')
  } else {
    console.log(`unknown order ${order}`)
  }
}
process.exit(0)

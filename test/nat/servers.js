// The servers of the lab: a hub with a certificate, and a TURN server that isn't ours.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { binary, program, until } from '../browser/lab.js'
import { inside, makeHost, names, sh } from './networks.js'

export const dir = mkdtempSync(join(tmpdir(), 'snug-nat-'))
const file = name => join(dir, name)
const write = (name, text) => {
  writeFileSync(file(name), text)
  return file(name)
}

/** The authority whose certificates the members of the lab trust, and one for all of its servers. */
export const tls = { ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') }

export function makeCertificates() {
  const openssl = args => execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl(['req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '7', '-subj', '/CN=lab', '-addext', 'keyUsage=keyCertSign'])
  openssl(['req', ...key, '-keyout', 'key.pem', '-out', 'request.pem', '-subj', '/CN=hub.snug.test'])
  const all = Object.entries(names).flatMap(([name, address]) => [`DNS:${name}`, `IP:${address}`])
  write('extensions', `subjectAltName=${all.join()}\nextendedKeyUsage=serverAuth`)
  openssl(['x509', '-req', '-in', 'request.pem', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '7', '-out', 'cert.pem', '-extfile', 'extensions'])
}

/** What Chromium is told to trust: the SHA-256 of the public key. */
export function publicKeyHash() {
  return execFileSync('/bin/sh', ['-c', `openssl x509 -in ${tls.cert} -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64`], { encoding: 'utf8' }).trim()
}

let hubHost, turnHost
let rooms = 0

/** The hub's own TURN server. The lab's addresses are none of the public internet, so they are named. */
export const turn = (more = '') => `turn: {allow: [203.0.113.0/24]${more}}\n`

/** A hub on port 443 of its host, with these lines of configuration more, and a line for who may come in. */
export async function startHub(config = turn(), who = 'open: true') {
  hubHost ??= makeHost('hub', names['hub.snug.test'])
  const yaml = write('snug.yaml', `listen: ${hubHost.address}:443\n${who}\ntls: {cert: ${tls.cert}, key: ${tls.key}}\n${config}`)
  const hub = program(inside(hubHost, [binary(), 'serve', '--config', yaml]), 'snug serve')
  await hub.says('Ctrl-C')
  hub.host = hubHost
  hub.newRoom = () => `https://hub.snug.test/r/lab-${++rooms}`
  return hub
}

/** What coturn's credentials are made with. */
export const secret = { text: randomBytes(18).toString('base64url'), file: file('secret') }

/** Coturn, on all of its usual ports and on 443, with the static secret. */
export async function startCoturn() {
  turnHost ??= makeHost('turn', names['turn.snug.test'])
  const config = write('turnserver.conf', `listening-ip=${turnHost.address}
relay-ip=${turnHost.address}
listening-port=3478
tls-listening-port=443
min-port=50000
max-port=50999
realm=snug.test
use-auth-secret
static-auth-secret=${secret.text}
cert=${tls.cert}
pkey=${tls.key}
no-cli
no-rfc5780
log-file=stdout
pidfile=${file('turnserver.pid')}
userdb=${file('turndb')}
`)
  writeFileSync(secret.file, secret.text, { mode: 0o600 })
  const coturn = program(inside(turnHost, ['turnserver', '-c', config]), 'turnserver')
  coturn.host = turnHost
  await until(() => listens(turnHost, 443) && listens(turnHost, 3478), () => `coturn to listen; it printed: ${coturn.text}${coturn.notes}`)
  return coturn
}

function listens(host, port) {
  return sh(`ip netns exec ${host.namespace} ss -Htln sport = :${port}`) !== ''
}

/** The URLs of coturn. */
export const coturnServers = [
  'stun:turn.snug.test:3478', 'turn:turn.snug.test:3478?transport=udp', 'turn:turn.snug.test:3478?transport=tcp',
  'turns:turn.snug.test:443?transport=tcp',
]

/** How a hub is told of coturn. */
export function coturnConfig(servers = coturnServers) {
  writeFileSync(secret.file, secret.text, { mode: 0o600 })
  return `ice:\n  servers: [${servers.map(s => `"${s}"`).join()}]\n  secret_file: ${secret.file}\n`
}

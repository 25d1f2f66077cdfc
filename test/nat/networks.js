// An internet of network namespaces: a bridge, the servers on it, and people behind NATs of
// several kinds. It needs root. All of it is named after this process; what a crash left is removed
// before anything is made.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'

/** The names that all namespaces know, by a hosts file and, since Chromium asks for TURN servers past that, by a DNS server of their own. */
export const names = { 'hub.snug.test': '203.0.113.10', 'turn.snug.test': '203.0.113.11' }

// What a router does with what comes from the network behind it.
const cone = { masquerade: 'masquerade', forward: 'iifname lan accept' }
export const kinds = {
  open: null, // no router: a public address
  cone, // Linux keeps ports, and lets in only who was sent to: a port-restricted cone
  symmetric: { masquerade: 'masquerade fully-random', forward: 'iifname lan accept' },
  'udp-blocked': { ...cone, forward: 'iifname lan meta l4proto udp drop; iifname lan accept' },
  'only-443': { ...cone, forward: 'iifname lan tcp dport 443 accept' },
}

const prefix = `snug-${process.pid}-`
const made = []
let count = 0 // of what hangs on the bridge
let nets = 0 // behind routers

/** Why the lab can't run here, or nothing. */
export function missing() {
  if (process.getuid() !== 0) return 'The NAT lab makes network namespaces, so it needs root: run sudo make test-nat, or set NAT_LAB=skip to leave it out.'
  const path = `${process.env.PATH}:/usr/sbin:/sbin`.split(':')
  const absent = ['ip', 'nft', 'turnserver', 'dnsmasq', 'certutil', 'openssl'].filter(tool => !path.some(dir => existsSync(`${dir}/${tool}`)))
  if (absent.length > 0) return `The NAT lab needs ${absent.join(', ')}: run make setup.`
  return undefined
}

/** Makes the bridge, which everybody hangs on. */
export function makeInternet() {
  sweep()
  namespace('net')
  sh(`ip -n $P-net link add br0 type bridge
    ip -n $P-net addr add 203.0.113.1/24 dev br0
    ip -n $P-net link set br0 up`)
}

/** Somebody with an address of the internet; `address` or any. */
export function makeHost(name, address = `203.0.113.${20 + count}`) {
  namespace(name)
  answerNames(name)
  uplink(name, 'eth0', address)
  return { name, namespace: prefix + name, kind: 'open', address }
}

/** Somebody behind a router of one of the kinds. */
export function makeSite(name, kind) {
  if (!kinds[kind]) return makeHost(name)
  const address = makeRouter(`${name}-nat`, kind)
  namespace(name)
  answerNames(name)
  const site = { name, namespace: prefix + name, kind, address, router: `${prefix}${name}-nat` }
  connect(site, 'eth0')
  return site
}

/** A router. Its public address is returned. */
function makeRouter(name, kind) {
  const { masquerade, forward } = kinds[kind]
  const address = `203.0.113.${20 + count}`
  namespace(name)
  uplink(name, 'wan', address)
  // What nobody asked for is dropped on its way in, so conntrack forgets it, and the port that it came to stays free for who sends from it.
  sh(`ip netns exec $P-${name} sysctl -q -w net.ipv4.ip_forward=1
    ip netns exec $P-${name} nft -f - <<END
table ip nat {
  chain out { type nat hook postrouting priority srcnat; oifname wan ${masquerade}; }
}
table inet filter {
  chain incoming { type filter hook input priority filter; policy drop; ct state established,related accept; }
  chain through { type filter hook forward priority filter; policy drop; ct state established,related accept; ${forward}; }
}
END`)
  return address
}

/** Plugs a site into its router, or the internet, with an address that nobody had before. */
export function connect(site, device) {
  if (!site.router) return uplink(site.name, device, `203.0.113.${20 + count}`)
  const net = ++nets
  const lan = `10.0.${net}`
  const router = site.router.slice(prefix.length)
  sh(`ip -n $P-${router} link show lan >/dev/null 2>&1 && ip -n $P-${router} link del lan
    ip link add ${device} netns $P-${site.name} type veth peer name lan netns $P-${router}
    ip -n $P-${router} addr add ${lan}.1/24 dev lan
    ip -n $P-${router} link set lan up
    ip -n $P-${site.name} addr add ${lan}.2/24 dev ${device}
    ip -n $P-${site.name} link set ${device} up
    ip -n $P-${site.name} route add default via ${lan}.1`)
}

/** Takes a device away, as a network that is left does. */
export function unplug(site, device) {
  sh(`ip -n $P-${site.name} link del ${device}`)
}

/** Makes a site's router drop what matches, also of connections that are there. */
export function block(site, what) {
  sh(`ip netns exec ${site.router} nft insert rule inet filter through ${what} drop`)
}

/** Takes the last block back. */
export function unblock(site) {
  const [, handle] = /drop # handle (\d+)/.exec(sh(`ip netns exec ${site.router} nft -a list chain inet filter through`))
  sh(`ip netns exec ${site.router} nft delete rule inet filter through handle ${handle}`)
}

/** Counts the bytes of UDP that a host sends to an address; the count is returned by what is returned. */
export function countBytes(host, address) {
  sh(`ip netns exec ${host.namespace} nft -f - <<END
table ip count {
  counter sent {}
  chain out { type filter hook output priority filter; ip daddr ${address} meta l4proto udp counter name sent; }
}
END`)
  return () => Number(/bytes (\d+)/.exec(sh(`ip netns exec ${host.namespace} nft list counter ip count sent`))[1])
}

function namespace(name) {
  made.push(prefix + name)
  const dir = `/etc/netns/${prefix}${name}`
  mkdirSync(dir, { recursive: true })
  writeFileSync(`${dir}/hosts`, ['127.0.0.1 localhost', ...Object.entries(names).map(([host, address]) => `${address} ${host}`), ''].join('\n'))
  writeFileSync(`${dir}/resolv.conf`, 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n')
  sh(`ip netns add $P-${name}
    ip -n $P-${name} link set lo up`)
}

/** Other names than those of the lab are refused at once: nobody waits for them. */
function answerNames(name) {
  sh(`ip netns exec $P-${name} dnsmasq --conf-file=/dev/null --pid-file= --user=root --no-resolv --local=/test/ --listen-address=127.0.0.1 --bind-interfaces`)
}

function uplink(name, device, address) {
  sh(`ip link add ${device} netns $P-${name} type veth peer name p${++count} netns $P-net
    ip -n $P-net link set p${count} master br0 up
    ip -n $P-${name} addr add ${address}/24 dev ${device}
    ip -n $P-${name} link set ${device} up
    ip -n $P-${name} route add default via 203.0.113.1`)
}

const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }

/** Runs commands; $P-x is the namespace x. */
export function sh(script) {
  return execFileSync('/bin/sh', ['-ec', script.replaceAll('$P-', prefix)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env })
}

/** Starts a program in a namespace. */
export function inside(site, command, options) {
  return spawn('ip', ['netns', 'exec', site.namespace, ...command], { ...options, env: { ...env, ...options?.env } })
}

/** Removes everything that was made. */
export function remove() {
  for (const name of made.splice(0)) removeNamespace(name)
}

function removeNamespace(name) {
  try {
    sh(`ip netns pids ${name} | xargs -r kill -9
      ip netns del ${name}`)
  } catch {
    // It is gone already.
  }
  rmSync(`/etc/netns/${name}`, { recursive: true, force: true })
}

/** Removes what processes left that are no more. */
function sweep() {
  for (const dir of ['/run/netns', '/etc/netns']) {
    for (const name of existsSync(dir) ? readdirSync(dir) : []) {
      const pid = /^snug-(\d+)-/.exec(name)?.[1]
      if (pid && !existsSync(`/proc/${pid}`)) removeNamespace(name)
    }
  }
}

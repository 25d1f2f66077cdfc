// snug doctor, and the page /doctor, in networks of every kind: nothing is found on a sound hub, and each planted fault is.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { binary, program, until } from '../browser/lab.js'
import { skip, withLab } from './lab.js'
import { chromium } from './members.js'
import { inside, makeSite, names, sh } from './networks.js'
import { coturnConfig, dir, secret, startCoturn, startHub, tls, turn } from './servers.js'

const url = 'https://hub.snug.test'
const quick = 'session: {ping: 2s, timeout: 5s}\n' // silence is over soon
const nobody = Object.fromEntries(['stun', 'turn-udp'].map(id => [id, 'silent']))

let sites
withLab(() => {
  sites = Object.fromEntries(['open', 'cone', 'symmetric', 'udp-blocked', 'only-443'].map(kind => [kind, makeSite(`doctor-${kind}`, kind)]))
})

/** Runs snug doctor somewhere. `found` are the cases of what isn't fine, `kinds` those of all checks. */
async function examine(site, ...flags) {
  const all = flags.includes('--idle') ? flags : ['--idle', '0', ...flags]
  const doctor = program(inside(site, [binary(), 'doctor', '--json', '--timeout', '4s', ...all, url], { env: { SSL_CERT_FILE: tls.ca } }), 'snug doctor')
  const [status] = await doctor.exited
  const report = JSON.parse(doctor.text || assert.fail(doctor.notes))
  const of = results => Object.fromEntries(results.map(r => [r.id, r.kind]))
  assert.equal(status, report.ok ? 0 : 1)
  for (const r of report.results) assert.ok(!/[{}]/.test(r.what + r.means + r.mend), `${r.id}.${r.kind}: ${JSON.stringify(r)}`)
  return { kinds: of(report.results), found: of(report.results.filter(r => ['fail', 'warn'].includes(r.status))), report }
}

/** Starts a hub with these lines of configuration for the time of a test. */
async function withHub(config, then) {
  const hub = await startHub(config)
  try {
    await then(hub)
  } finally {
    await hub.kill()
  }
}

async function finds(where, want, ...flags) {
  const { found, report } = await examine(sites[where], ...flags)
  assert.deepEqual(found, want, `in ${where}: ${JSON.stringify(report.results, undefined, 1)}`)
}

/** Has a namespace filter packets, for the time of a test. */
async function filtered(namespace, chain, rule, then) {
  sh(`ip netns exec ${namespace} nft 'table inet planted { chain it { type filter hook ${chain} priority -10; ${rule}; }; }'`)
  try {
    await then()
  } finally {
    sh(`ip netns exec ${namespace} nft delete table inet planted`)
  }
}

test('nothing is found on a sound hub, but what a network is to blame for', { skip }, async () => {
  await withHub(turn() + quick, async hub => {
    for (const [where, nat, want] of [
      ['open', 'open', {}], ['cone', 'cone', {}], ['symmetric', 'symmetric', {}],
      ['udp-blocked', 'skipped', { ...nobody, firewall: 'udp' }],
      ['only-443', 'skipped', { ...nobody, 'turn-tcp': 'silent', 'turn-tls': 'partly', firewall: 'udp' }],
    ]) {
      const { found, kinds, report } = await examine(sites[where], '--idle', '5s')
      assert.deepEqual(found, want, `in ${where}: ${JSON.stringify(report.results, undefined, 1)}`)
      assert.deepEqual([kinds.nat, kinds.idle, kinds.ipv6], [nat, 'ok', 'none'], where)
      if (!want.firewall) assert.equal(kinds.range, 'ok', where)
    }
    const { found, kinds } = await examine(hub.host, '--server', join(dir, 'snug.yaml'))
    assert.deepEqual(found, {})
    assert.deepEqual([kinds['server-files'], kinds['server-certificate'], kinds['server-address']], ['ok', 'ok', 'ok'])
  })
})

test('TURN: closed ports, wrong addresses, none at all', { skip }, async () => {
  await withHub(turn(), async hub => {
    await filtered(hub.host.namespace, 'input', 'iifname eth0 udp dport 3478 drop', () => finds('cone', { ...nobody, firewall: 'udp' }))
    await filtered(hub.host.namespace, 'input', 'iifname eth0 udp dport 49152-65535 drop', () => finds('cone', { range: 'closed' }))
    await filtered(hub.host.namespace, 'input', 'iifname eth0 tcp dport { 3478, 5349 } reject with tcp reset', () => finds('cone', { 'turn-tcp': 'closed', 'turn-tls': 'partly' }))
    await filtered(sites.open.namespace, 'output', 'meta l4proto udp udp dport != 53 drop', () => finds('open', { stun: 'blocked', 'turn-udp': 'blocked', firewall: 'own' }))
  })
  await withHub(turn(', addresses: [203.0.113.99], host: hub.snug.test'), async hub => {
    await finds('cone', { range: 'address' })
    assert.equal((await examine(hub.host)).found['server-address'], 'wrong')
  })
  await withHub(turn(', addresses: [10.9.9.9], host: hub.snug.test'), () => finds('symmetric', { range: 'private' }))
  await withHub('turn: {mode: "off"}\n', () => finds('open', { stun: 'none', turn: 'none' }))
})

test('coturn: sound, with another secret, and gone', { skip }, async () => {
  const coturn = await startCoturn()
  await withHub(coturnConfig(), () => finds('symmetric', {}))
  const config = coturnConfig().replace(secret.file, join(dir, 'wrong'))
  writeFileSync(join(dir, 'wrong'), 'another secret, of eighteen characters or more', { mode: 0o600 })
  await withHub(config, () => finds('cone', { 'turn-udp': 'credentials', 'turn-tcp': 'credentials', 'turn-tls': 'credentials' }))
  await coturn.kill()
  await withHub(coturnConfig(), () => finds('open', { stun: 'closed', 'turn-udp': 'closed', 'turn-tcp': 'closed', 'turn-tls': 'closed' }))
})

/** nginx before the hub, with the recipe in packaging, changed. */
async function withProxy(change, then) {
  await withHub(`proxies: [203.0.113.10]\n${turn(', mode: "on", listen: "203.0.113.10:3478", host: hub.snug.test')}`, async hub => {
    let recipe = readFileSync('packaging/nginx.conf', 'utf8')
    for (const [old, now] of [
      ['listen [::]:443 ssl;', ''], ['listen 443 ssl;', `listen ${names['hub.snug.test']}:8443 ssl;`], ['127.0.0.1:8080', `${names['hub.snug.test']}:443`],
      ['proxy_pass http:', 'proxy_pass https:'],
      ['/etc/letsencrypt/live/hub.example.org/fullchain.pem', tls.cert], ['/etc/letsencrypt/live/hub.example.org/privkey.pem', tls.key], ['hub.example.org', 'hub.snug.test'],
      ...change,
    ]) {
      assert.ok(recipe.includes(old), `the recipe holds no ${old}`)
      recipe = recipe.replaceAll(old, now)
    }
    const file = join(dir, 'nginx.conf')
    writeFileSync(file, `user root; daemon off; pid ${dir}/nginx.pid; error_log stderr; events {} http { access_log off; client_body_temp_path ${dir}/b; proxy_temp_path ${dir}/p; fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s; ${recipe} }`)
    const nginx = program(inside(hub.host, ['nginx', '-c', file]), 'nginx')
    await until(() => sh(`ip netns exec ${hub.host.namespace} ss -Htln sport = :8443`) !== '', () => `nginx to listen: ${nginx.notes}`)
    try {
      await then()
    } finally {
      await nginx.kill()
    }
  })
}

/** As examine, at the proxy. */
async function atProxy(...flags) {
  const doctor = program(inside(sites.cone, [binary(), 'doctor', '--json', ...flags, `${url}:8443`], { env: { SSL_CERT_FILE: tls.ca } }), 'snug doctor')
  await doctor.exited
  const { results } = JSON.parse(doctor.text || assert.fail(doctor.notes))
  return Object.fromEntries(results.filter(r => ['fail', 'warn'].includes(r.status)).map(r => [r.id, r.kind]))
}

test('nginx: sound, without upgrades, without requests, and with a timeout of 10 s', { skip }, async () => {
  await withProxy([], async () => assert.deepEqual(await atProxy(), {}))
  await withProxy([['proxy_set_header Upgrade $http_upgrade;', '']], async () => assert.deepEqual(await atProxy('--idle', '0'), { websocket: 'upgrade' }))
  await withProxy([['location / {', 'location ~ /(connect|send|receive)$ { return 403; }\n\tlocation / {']], async () => assert.deepEqual(await atProxy('--idle', '0'), { http: 'failed' }))
  await withProxy([['proxy_read_timeout 60s;', 'proxy_read_timeout 10s;']], async () => assert.deepEqual(await atProxy(), { idle: 'cut' }))
})

test('certificates: over, for another name, from nobody that is known', { skip }, async () => {
  const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] })
  const own = (name, ...more) => {
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`, ...more)
    return { cert: join(dir, `${name}.pem`), key: join(dir, `${name}.key`) }
  }
  const signed = (name, extensions, days) => {
    openssl('x509', '-req', '-in', 'request.pem', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', days, '-out', `${name}.pem`, '-extfile', extensions)
    return { cert: join(dir, `${name}.pem`), key: tls.key }
  }
  writeFileSync(join(dir, 'other'), 'subjectAltName=DNS:elsewhere.example')
  for (const [pair, want] of [
    [signed('over', 'extensions', '0'), 'expired'], [signed('named', 'other', '30'), 'name'],
    [own('unknown', '-addext', 'subjectAltName=DNS:hub.snug.test'), 'untrusted'],
  ]) {
    const good = { ...tls }
    Object.assign(tls, pair)
    try {
      await new Promise(resolve => setTimeout(resolve, want === 'expired' ? 1500 : 0)) // until it is over
      await withHub(turn(', host: hub.snug.test'), () => finds('cone', { https: want, 'turn-tls': 'certificate' }))
    } finally {
      Object.assign(tls, good)
    }
  }
})

test('the page finds out the same in Chromium', { skip }, async () => {
  await withHub(turn() + quick, async () => {
    for (const [where, nat, want] of [
      ['cone', 'None, or one that keeps one port', []], ['symmetric', 'It takes another port for each destination', []], ['udp-blocked', 'Not tried', ['stun', 'turn-udp', 'firewall']],
    ]) {
      const page = await (await chromium(sites[where])).newPage()
      await page.goto(`${url}/doctor?lang=en`)
      let lines
      await until(async () => {
        const { working, all } = await page.evaluate(() => ({
          working: document.querySelector('.doctor button.primary')?.disabled ?? true,
          all: Object.fromEntries([...document.querySelectorAll('.doctor li')].map(li => [li.dataset.id, [li.dataset.status, li.innerText]])),
        }))
        lines = all
        return !working && Object.keys(all).length > 0
      }, () => `the end in ${where}: ${JSON.stringify(lines)}`, 60_000)
      assert.deepEqual(Object.keys(lines).filter(id => ['fail', 'warn'].includes(lines[id][0])), want, `${where}: ${JSON.stringify(lines)}`)
      assert.ok(lines.nat[1].includes(nat), `${where}: ${lines.nat[1]}`)
      assert.equal(lines['turn-tls'][0], 'ok', lines['turn-tls'][1])
      if (want.length === 0) assert.equal(lines.range[0], 'ok', lines.range[1])
    }
  })
})

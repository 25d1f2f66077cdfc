// What every test of the lab begins and ends with.
import { after, before } from 'node:test'
import { closeAll } from '../browser/lab.js'
import { closeBrowsers } from './members.js'
import { makeInternet, missing, remove } from './networks.js'
import { makeCertificates } from './servers.js'

/** Whether the lab is left out, which has to be asked for. */
export const skip = process.env.NAT_LAB === 'skip' ? 'NAT_LAB=skip' : false

/** Whether everything is tried, which takes longer. */
export const full = process.env.NAT_LAB === 'full'

process.on('exit', remove)
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

/** Makes the lab before the tests of a file, with what `make` adds, and removes it after them. */
export function withLab(make) {
  before(async () => {
    if (skip) return
    const why = missing()
    if (why) throw new Error(why)
    makeInternet()
    makeCertificates()
    await make?.()
  })
  after(async () => {
    await closeBrowsers()
    await closeAll()
    remove()
  })
}

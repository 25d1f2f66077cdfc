// What a browser keeps of a room: its key in `identities`, who was here before in `pins`.
const stores = ['identities', 'pins'] as const
const longest = 5_000 // ms, for all of it: some browsers never answer where storage is off

/**
 * Changes what is kept under a name, in one transaction that no other tab comes between: `change` gets what is there, and
 * returns what is to be there then, or undefined to leave it. Returns what was there. Rejects where nothing can be kept.
 */
export async function update(store: typeof stores[number], name: string, change: (value: unknown) => unknown): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout> | undefined
  let late = false
  const opened = open()
  const done = opened.then(db => {
    if (late) throw new Error('storage came too late')
    return within(db, store, name, change)
  })
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      late = true
      reject(new Error('storage doesn’t answer'))
    }, longest)
  })
  void done.catch(() => {}).then(() => opened).then(db => db.close(), () => {})
  return Promise.race([done, timeout]).finally(() => clearTimeout(timer))
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('snug', 1)
    request.onupgradeneeded = () => { for (const store of stores) request.result.createObjectStore(store) }
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

function within(db: IDBDatabase, store: string, name: string, change: (value: unknown) => unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(store, 'readwrite')
    const objects = transaction.objectStore(store)
    const request = objects.get(name)
    let failed: unknown
    request.onsuccess = () => {
      try {
        const value = change(request.result)
        if (value !== undefined) objects.put(value, name)
      } catch (cause) { // change’s own, or a value that this browser can’t store
        failed = cause
        transaction.abort()
      }
    }
    transaction.oncomplete = () => resolve(request.result)
    transaction.onabort = () => reject(failed ?? transaction.error)
  })
}

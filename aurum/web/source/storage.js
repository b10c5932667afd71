// What GraphiQL keeps in the browser. Several servers may take turns on one address (localhost:8000), so
// Aurum's tabs stay apart from theirs. Headers hold tokens: they are kept only for who asks for it in the
// settings, and GraphiQL 5.4 would keep those of the history all the same, and of the tabs where it is busy.
const PREFIX = 'aurum/'
const KEEP_HEADERS = 'graphiql:shouldPersistHeaders'
const HOLD_HEADERS = ['graphiql:queries', 'graphiql:favorites', 'graphiql:tabState']

const ours = () => Object.keys(localStorage).filter(key => key.startsWith(PREFIX))
const withoutHeaders = text => JSON.stringify(JSON.parse(text), (name, value) => (name === 'headers' ? null : value))

export const keepsHeaders = () => storage.getItem(KEEP_HEADERS) === 'true'

export const storage = {
  getItem: key => localStorage.getItem(PREFIX + key),
  setItem(key, value) {
    const strip = HOLD_HEADERS.includes(key) && !keepsHeaders()
    localStorage.setItem(PREFIX + key, strip ? withoutHeaders(value) : value)
    if (key === KEEP_HEADERS) HOLD_HEADERS.forEach(rewrite)
  },
  removeItem: key => localStorage.removeItem(PREFIX + key),
  clear: () => ours().forEach(key => localStorage.removeItem(key)),
  get length() {
    return ours().length
  },
}

function rewrite(key) {
  const text = storage.getItem(key)
  if (text) storage.setItem(key, text)
}

// What the browser remembers from visit to visit, where it may: storage can be switched off.

export function recall(key) {
  try {
    return localStorage.getItem(key) ?? ''
  } catch {
    return ''
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(key, value)
  } catch {
    // the next visit begins without it
  }
}

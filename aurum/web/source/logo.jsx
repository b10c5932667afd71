export function Logo() {
  return (
    <span className="aurum-logo">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <path d="M3 9c5 0 6 14 11 14s6-10 10-10 3 4 5 4" />
      </svg>
      Aurum
    </span>
  )
}

/** A speech bubble that is a P. */
export function Logo({ size = 32 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="9" className="fill-accent" />
      <path
        d="M9 25V12.5A5.5 5.5 0 0 1 14.5 7h3a6.5 6.5 0 0 1 0 13H14z"
        className="fill-on-accent"
      />
      <circle cx="14.6" cy="13.5" r="1.5" className="fill-accent" />
      <circle cx="19" cy="13.5" r="1.5" className="fill-spark" />
    </svg>
  );
}

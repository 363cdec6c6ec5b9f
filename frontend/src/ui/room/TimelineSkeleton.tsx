const widths = ["w-2/5", "w-3/5", "w-1/3", "w-1/2", "w-2/3", "w-1/4"];

export function TimelineSkeleton() {
  return (
    <div
      role="status"
      aria-label="Loading messages"
      className="flex min-h-0 flex-1 flex-col justify-end gap-6 overflow-hidden px-5 pb-6"
    >
      {widths.map((width) => (
        <div key={width} className="flex animate-pulse gap-3">
          <div className="size-9 shrink-0 rounded-[28%] bg-sunken" />
          <div className="flex-1 space-y-2 pt-1">
            <div className="h-3 w-24 rounded bg-sunken" />
            <div className={`h-3 rounded bg-sunken ${width}`} />
          </div>
        </div>
      ))}
    </div>
  );
}

import { Icon } from "../common/Icon";

export function JumpNewest({ unread, onClick }: { unread: number; onClick: () => void }) {
  return (
    <button
      type="button"
      data-testid="jump-newest"
      data-count={unread}
      onClick={onClick}
      className={`absolute bottom-3 left-1/2 flex h-9 -translate-x-1/2 items-center gap-1.5 rounded-full pr-3.5 pl-2.5 text-sm font-semibold shadow-raised animate-rise max-md:h-11 ${
        unread > 0
          ? "bg-spark text-on-spark"
          : "border border-line bg-raised text-soft hover:text-ink"
      }`}
    >
      <Icon name="down" size={18} />
      {unread === 0
        ? "Jump to newest"
        : `${unread.toLocaleString()} new ${unread === 1 ? "message" : "messages"}`}
    </button>
  );
}

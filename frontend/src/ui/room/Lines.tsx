import { memo } from "react";
import { nameOf } from "../common/person";
import { dayName } from "../common/time";
import { describeNotices } from "./describe";
import type { NoticeGroup } from "./entries";

export const DayLine = memo(function DayLine({ at }: { at: string }) {
  return (
    <div className="flex items-center gap-3 px-5 pt-5 pb-2 md:px-7">
      <span className="h-px flex-1 bg-line" />
      <h2 className="text-xs font-semibold text-faint">{dayName(at)}</h2>
      <span className="h-px flex-1 bg-line" />
    </div>
  );
});

export function UnreadLine() {
  return (
    <div data-testid="unread-divider" className="flex items-center gap-3 px-5 pt-3 pb-1 md:px-7">
      <span className="h-px flex-1 bg-spark" />
      <span className="rounded-full bg-spark px-2 text-2xs font-bold text-on-spark">New</span>
    </div>
  );
}

interface NoticeLineProps {
  group: NoticeGroup;
  people: ReadonlyMap<string, string | null>;
}

export function NoticeLine({ group, people }: NoticeLineProps) {
  return (
    <p data-testid="notice" className="px-5 py-1 pl-[4.25rem] text-xs text-faint md:pl-[4.75rem]">
      {describeNotices(group.notices, (id) => nameOf(people, id))}
    </p>
  );
}

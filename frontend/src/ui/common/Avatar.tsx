import { hueStyle, initialsOf } from "./person";

interface AvatarProps {
  id: string;
  name: string;
  size?: number;
  /** Omit it if presence is unknown. */
  online?: boolean;
}

export function Avatar({ id, name, size = 36, online }: AvatarProps) {
  return (
    <span
      aria-hidden="true"
      className="person-tile relative inline-flex shrink-0 items-center justify-center rounded-[28%] font-semibold select-none"
      style={{ ...hueStyle(id), width: size, height: size, fontSize: Math.round(size * 0.37) }}
    >
      {initialsOf(name)}
      {online !== undefined && (
        <span
          className={`absolute -right-0.5 -bottom-0.5 size-2.5 rounded-full ring-2 ring-sidebar ${
            online ? "bg-online" : "border-2 border-edge bg-sidebar"
          }`}
        />
      )}
    </span>
  );
}

import type { ComponentProps } from "react";
import { Icon, type IconName } from "./Icon";

type ButtonProps = ComponentProps<"button"> & { look?: "solid" | "quiet" | "danger" };

const looks = {
  solid: "bg-accent text-on-accent hover:bg-accent-strong",
  quiet: "border border-line bg-raised text-ink hover:bg-sunken",
  danger: "bg-danger text-on-accent hover:brightness-95",
} as const;

export function Button({ look = "solid", className = "", type = "button", ...rest }: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      className={`touch inline-flex h-9 items-center justify-center gap-2 rounded-[10px] px-3.5 text-sm font-semibold transition-colors disabled:opacity-60 ${looks[look]} ${className}`}
    />
  );
}

type IconButtonProps = ComponentProps<"button"> & { icon: IconName; label: string; size?: number };

/** A button that is only an icon; the label is its name and its tooltip. */
export function IconButton({ icon, label, size = 20, className = "", ...rest }: IconButtonProps) {
  return (
    <button
      {...rest}
      type="button"
      aria-label={label}
      title={label}
      className={`touch inline-flex size-9 shrink-0 items-center justify-center rounded-[10px] text-soft transition-colors hover:bg-wash hover:text-ink ${className}`}
    >
      <Icon name={icon} size={size} />
    </button>
  );
}

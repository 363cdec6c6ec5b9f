import type { ComponentProps } from "react";
import { Icon, type IconName } from "./Icon";

type ButtonProps = ComponentProps<"button"> & {
  look?: "solid" | "quiet" | "danger";
  /** For the main action of a screen. */
  large?: boolean;
};

const looks = {
  solid: "bg-accent text-on-accent hover:bg-accent-strong",
  quiet: "border border-line bg-raised text-ink hover:bg-sunken",
  danger: "bg-danger text-on-accent hover:brightness-95",
} as const;

// If two classes set one property, the style sheet's order decides, so each is set only once.
export function Button({
  look = "solid",
  large = false,
  className = "",
  type = "button",
  ...rest
}: ButtonProps) {
  const size = large ? "h-12 w-full text-base" : "h-9 text-sm";
  return (
    <button
      {...rest}
      type={type}
      className={`touch inline-flex items-center justify-center gap-2 rounded-[10px] px-3.5 font-semibold transition-colors disabled:opacity-60 ${size} ${looks[look]} ${className}`}
    />
  );
}

const iconLooks = {
  plain: "text-soft hover:bg-wash hover:text-ink",
  pressed: "bg-wash text-ink",
  solid:
    "bg-accent text-on-accent hover:bg-accent-strong disabled:bg-transparent disabled:text-faint",
  danger: "text-soft hover:bg-wash hover:text-danger",
} as const;

const boxes = { small: "size-8", medium: "size-9", large: "size-10" } as const;

type IconButtonProps = ComponentProps<"button"> & {
  icon: IconName;
  label: string;
  /** Size of the icon, in pixels. */
  size?: number;
  look?: keyof typeof iconLooks;
  box?: keyof typeof boxes;
};

/** A button that is only an icon; the label is its name and its tooltip. */
export function IconButton({
  icon,
  label,
  size = 20,
  look = "plain",
  box = "medium",
  className = "",
  ...rest
}: IconButtonProps) {
  return (
    <button
      {...rest}
      type="button"
      aria-label={label}
      title={label}
      className={`touch inline-flex shrink-0 items-center justify-center rounded-[10px] transition-colors ${boxes[box]} ${iconLooks[look]} ${className}`}
    >
      <Icon name={icon} size={size} />
    </button>
  );
}

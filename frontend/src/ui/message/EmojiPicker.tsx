import * as Popover from "@radix-ui/react-popover";
import type { KeyboardEvent, ReactNode } from "react";
import { EMOJI } from "./emoji";

interface EmojiPickerProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onPick: (emoji: string) => void;
  /** The button that opens the picker. */
  children: ReactNode;
}

/** Steps along a row and rows down. */
const STEPS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function EmojiPicker({ open, onOpenChange, onPick, children }: EmojiPickerProps) {
  return (
    <Popover.Root open={open} onOpenChange={onOpenChange}>
      <Popover.Trigger asChild>{children}</Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          side="top"
          align="end"
          sideOffset={6}
          collisionPadding={12}
          aria-label="Choose a reaction"
          className="z-50 max-h-(--radix-popover-content-available-height) animate-rise overflow-y-auto rounded-2xl border border-line bg-raised p-2 shadow-float"
        >
          <div
            role="group"
            aria-label="Emoji"
            className="grid grid-cols-8 gap-0.5 max-md:grid-cols-6 pointer-coarse:grid-cols-6"
            onKeyDown={move}
          >
            {EMOJI.map(([emoji, name]) => (
              <button
                key={emoji}
                type="button"
                data-testid="emoji"
                data-emoji={emoji}
                aria-label={name}
                title={name}
                className="inline-flex size-9 items-center justify-center rounded-lg text-xl hover:bg-wash max-md:size-11 pointer-coarse:size-11"
                onClick={() => {
                  onPick(emoji);
                }}
              >
                {emoji}
              </button>
            ))}
          </div>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

function move(event: KeyboardEvent<HTMLDivElement>): void {
  const step = STEPS[event.key];
  if (step === undefined) return;
  const buttons = [...event.currentTarget.querySelectorAll("button")];
  const columns = getComputedStyle(event.currentTarget).gridTemplateColumns.split(" ").length;
  const from = buttons.findIndex((button) => button === document.activeElement);
  const next = buttons[from + step[0] + step[1] * columns];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

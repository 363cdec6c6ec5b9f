import * as Dialog from "@radix-ui/react-dialog";
import { useRef, type ReactNode } from "react";
import { IconButton } from "./Button";

interface ModalProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description?: string;
  /** A sheet is at the side of a phone's screen, a box in the middle of any screen. */
  shape?: "box" | "sheet";
  children: ReactNode;
}

const shapes = {
  box: "top-1/2 left-1/2 max-h-[90dvh] w-[min(30rem,calc(100vw-1.5rem))] -translate-1/2 rounded-2xl",
  sheet: "inset-y-0 right-0 w-[min(22rem,92vw)] rounded-l-2xl animate-slide",
} as const;

/**
 * Radix's dialog without its Overlay part, which would insert a <style> element that the
 * Content-Security-Policy refuses. The page itself never scrolls, so nothing needs locking.
 */
export function Modal({
  open,
  onOpenChange,
  title,
  description,
  shape = "box",
  children,
}: ModalProps) {
  const openers = useRef<readonly HTMLElement[]>([]);
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <div className="fixed inset-0 z-40 bg-veil" aria-hidden="true" />
        <Dialog.Content
          className={`fixed z-50 flex flex-col overflow-hidden bg-raised shadow-float ${shapes[shape]}`}
          // Radix gives the focus back to its own trigger, which these dialogs do not have.
          onOpenAutoFocus={() => {
            openers.current = focusPath(document.activeElement);
          }}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            openers.current.find((element) => element.isConnected)?.focus();
          }}
          {...(description === undefined ? { "aria-describedby": undefined } : {})}
        >
          <header className="flex items-start gap-3 px-5 pt-4 pb-2">
            <div className="min-w-0 flex-1 self-center">
              <Dialog.Title className="text-lg font-semibold tracking-tight">{title}</Dialog.Title>
              {description !== undefined && (
                <Dialog.Description className="mt-0.5 text-sm text-soft">
                  {description}
                </Dialog.Description>
              )}
            </div>
            <Dialog.Close asChild>
              <IconButton icon="close" label="Close" className="-mr-2" />
            </Dialog.Close>
          </header>
          {children}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

/**
 * The focused element and its focusable neighbours: a button may disappear while the dialog is
 * open.
 */
export function focusPath(focused: Element | null): readonly HTMLElement[] {
  const path: HTMLElement[] = [];
  for (let element = focused; element; element = element.parentElement) {
    if (
      element instanceof HTMLElement &&
      (element === focused || element.hasAttribute("tabindex"))
    ) {
      path.push(element);
    }
  }
  return path;
}

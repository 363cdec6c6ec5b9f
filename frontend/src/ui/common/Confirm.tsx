import type { ReactNode } from "react";
import { Button } from "./Button";
import { Modal } from "./Modal";

interface ConfirmProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  text: string;
  action: string;
  onConfirm: () => void;
  testId?: string;
  /** What may be done before. */
  children?: ReactNode;
}

/** Asks before an action that cannot be undone. */
export function Confirm({
  open,
  onOpenChange,
  title,
  text,
  action,
  onConfirm,
  testId = "confirm-button",
  children,
}: ConfirmProps) {
  return (
    <Modal open={open} onOpenChange={onOpenChange} title={title} description={text}>
      {children !== undefined && <div className="px-5 pt-2">{children}</div>}
      <div className="flex justify-end gap-2 px-5 pt-3 pb-5">
        <Button
          look="quiet"
          onClick={() => {
            onOpenChange(false);
          }}
        >
          Cancel
        </Button>
        <Button
          look="danger"
          data-testid={testId}
          onClick={() => {
            onOpenChange(false);
            onConfirm();
          }}
        >
          {action}
        </Button>
      </div>
    </Modal>
  );
}

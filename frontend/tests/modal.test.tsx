// @vitest-environment happy-dom
import { act, useState } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Modal } from "../src/ui/common/Modal";

function Opener({ keeps }: { keeps: boolean }) {
  const [open, setOpen] = useState(false);
  const [left, setLeft] = useState(false);
  return (
    <article tabIndex={-1}>
      {(keeps || !left) && (
        <button
          type="button"
          onBlur={() => {
            setLeft(true);
          }}
          onClick={() => {
            setOpen(true);
          }}
        >
          Open
        </button>
      )}
      <Modal open={open} onOpenChange={setOpen} title="Members">
        <p>All of them</p>
      </Modal>
    </article>
  );
}

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  document.body.innerHTML = "<div id='root'></div>";
});
afterEach(() => {
  vi.unstubAllGlobals();
});

it.each([
  ["the button that opened it", true, "BUTTON"],
  ["what is around a button that went", false, "ARTICLE"],
])("gives the focus back to %s", async (_, keeps, expected) => {
  const element = document.getElementById("root");
  if (!element) throw new Error("no root");
  const root = createRoot(element);
  act(() => {
    root.render(<Opener keeps={keeps} />);
  });
  const button = document.querySelector("button");
  button?.focus();
  act(() => {
    button?.click();
  });
  expect(document.activeElement?.closest("[role=dialog]")).not.toBeNull();
  await act(async () => {
    document.querySelector<HTMLElement>("[aria-label=Close]")?.click();
    await new Promise((done) => setTimeout(done, 50));
  });
  expect(document.querySelector("[role=dialog]")).toBeNull();
  expect(document.activeElement?.tagName).toBe(expected);
  act(() => {
    root.unmount();
  });
});

import { useState } from "react";
import { useChatState } from "../chat";
import { Avatar } from "../common/Avatar";
import { IconButton } from "../common/Button";
import { Confirm } from "../common/Confirm";
import { ConnectionState } from "../shell/ConnectionState";
import { ThemeToggle } from "../shell/ThemeToggle";
import { Account } from "./Account";
import { DeviceLink } from "./DeviceLink";

interface MeProps {
  /** Came by a nickname alone: only a link for another device brings this person back. */
  guest: boolean;
  logOut: () => void;
}

/** The person's own name, below the list of rooms. */
export function Me({ guest, logOut }: MeProps) {
  const me = useChatState((state) => state.me);
  const [account, setAccount] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const name = me.name ?? "You";
  return (
    <footer className="flex items-center gap-2.5 border-t border-line py-2.5 pr-2 pl-3">
      <Avatar id={me.id} name={name} size={34} />
      <div className="min-w-0 flex-1">
        <button
          type="button"
          data-testid="account-button"
          title="Your account"
          className="touch block min-h-6 max-w-full truncate text-left text-sm leading-5 font-semibold hover:underline"
          onClick={() => {
            setAccount(true);
          }}
        >
          {name}
        </button>
        <ConnectionState />
      </div>
      <ThemeToggle />
      <IconButton
        data-testid="logout-button"
        icon="power"
        label="Log out"
        onClick={() => {
          if (guest) setLeaving(true);
          else logOut();
        }}
      />
      <Account open={account} onOpenChange={setAccount} guest={guest} />
      <Confirm
        open={leaving}
        onOpenChange={setLeaving}
        title="Log out for good?"
        text={`You are a guest: nobody can come back as this ${name}. You lose your private rooms, and rooms that only you own stay without an owner. To stay this ${name}, bring yourself to another device first.`}
        action="Log out"
        testId="logout-confirm"
        onConfirm={logOut}
      >
        <DeviceLink />
      </Confirm>
    </footer>
  );
}

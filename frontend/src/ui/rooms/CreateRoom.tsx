import { useId, useState, type SyntheticEvent } from "react";
import type { RoomKind } from "../../fold/room";
import { useChat } from "../chat";
import { Button } from "../common/Button";
import { Icon, type IconName } from "../common/Icon";
import { Modal } from "../common/Modal";
import { goTo } from "../hooks";
import { anyRoomId, privateRoomId, roomIdOf, secretEnd } from "./roomId";
import { useToLatin } from "./useToLatin";

const kinds: readonly { kind: RoomKind; icon: IconName; title: string; about: string }[] = [
  { kind: "public", icon: "hash", title: "Public", about: "Everybody can read and join." },
  { kind: "private", icon: "lock", title: "Private", about: "Only invited people see it." },
  {
    kind: "broadcast",
    icon: "megaphone",
    title: "Broadcast",
    about: "Everybody reads; owners and moderators post.",
  },
];

interface CreateRoomProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function CreateRoom({ open, onOpenChange }: CreateRoomProps) {
  return (
    <Modal
      open={open}
      onOpenChange={onOpenChange}
      title="Create a room"
      description="You will be its owner."
    >
      <CreateRoomForm
        done={() => {
          onOpenChange(false);
        }}
      />
    </Modal>
  );
}

function CreateRoomForm({ done }: { done: () => void }) {
  const chat = useChat();
  const id = useId();
  const [name, setName] = useState("");
  const [room, setRoom] = useState<string | null>(null);
  const [kind, setKind] = useState<RoomKind>("public");
  const [end] = useState(secretEnd);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const suggested = roomIdOf(name, useToLatin());
  const secret = kind === "private";
  const address = secret
    ? name === "" && room === null
      ? ""
      : privateRoomId(room === null ? suggested : roomIdOf(room), end)
    : (room ?? (suggested === "" && name.trim() !== "" ? anyRoomId(end) : suggested));

  async function submit(event: SyntheticEvent) {
    event.preventDefault();
    if (name.trim() === "" || !/^[a-z0-9-]{1,64}$/.test(address)) {
      setProblem("Give the room a name and an address of letters a to z, digits and hyphens.");
      return;
    }
    setBusy(true);
    const refusal = await chat.commands.createRoom(address, name.trim(), kind);
    setBusy(false);
    setProblem(refusal);
    if (refusal !== null) return;
    done();
    goTo(address);
  }

  return (
    <form
      onSubmit={(event) => void submit(event)}
      className="flex min-h-0 flex-col gap-4 overflow-y-auto px-5 pt-2 pb-5"
      noValidate
    >
      <div>
        <label htmlFor={`${id}-name`} className="text-sm font-semibold">
          Name
        </label>
        <input
          id={`${id}-name`}
          data-testid="room-name-input"
          className="field mt-1.5 h-11 w-full px-3"
          value={name}
          maxLength={80}
          placeholder="Garden club"
          autoComplete="off"
          onChange={(event) => {
            setName(event.target.value);
          }}
        />
      </div>
      <div>
        <label htmlFor={`${id}-id`} className="text-sm font-semibold">
          Address
        </label>
        <div className="relative mt-1.5">
          <span
            aria-hidden="true"
            className="absolute inset-y-0 left-3 flex items-center text-faint"
          >
            #/
          </span>
          <input
            id={`${id}-id`}
            data-testid="room-id-input"
            className="field h-11 w-full pr-3 pl-8 font-mono text-sm"
            value={address}
            readOnly={secret}
            aria-describedby={secret ? `${id}-secret` : undefined}
            maxLength={64}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            placeholder="garden-club"
            onChange={(event) => {
              setRoom(event.target.value === "" ? null : event.target.value);
            }}
          />
        </div>
        {secret && (
          <p id={`${id}-secret`} className="mt-1.5 text-xs text-soft">
            The address of a private room ends in random letters, so that nobody can guess it.
          </p>
        )}
      </div>
      <fieldset>
        <legend className="mb-1.5 text-sm font-semibold">Who is it for?</legend>
        <div className="grid gap-2">
          {kinds.map((choice) => (
            <label
              key={choice.kind}
              data-testid={`room-kind-${choice.kind}`}
              className="flex cursor-pointer items-center gap-3 rounded-xl border border-line px-3 py-2.5 transition-colors hover:bg-sunken has-checked:border-accent has-checked:bg-wash"
            >
              <input
                type="radio"
                name={`${id}-kind`}
                className="size-4"
                checked={kind === choice.kind}
                onChange={() => {
                  setKind(choice.kind);
                }}
              />
              <Icon name={choice.icon} />
              <span className="text-sm">
                <span className="block font-semibold">{choice.title}</span>
                <span className="text-soft">{choice.about}</span>
              </span>
            </label>
          ))}
        </div>
      </fieldset>
      <p role="alert" className="text-sm text-danger empty:hidden">
        {problem}
      </p>
      <Button type="submit" data-testid="create-room-submit" className="h-11" disabled={busy}>
        {busy ? "Creating…" : "Create room"}
      </Button>
    </form>
  );
}

/** The room's topic: a line in the header, read whole and edited in a box. */
import { useId, useState, type SyntheticEvent } from "react";
import { changesFact, forgetsInFact, showsNotice } from "../../fold/registry";
import type { RoomState } from "../../store/state";
import { useChat, useChatState } from "../../ui/chat";
import { Button } from "../../ui/common/Button";
import { Modal } from "../../ui/common/Modal";
import { nameOf } from "../../ui/common/person";
import { registerFeature } from "../feature";

/** Code points (docs/protocol.md). */
const MAX_TOPIC = 250;

changesFact("topic", "TopicSet", (_, { by, data }) => ({ text: data.topic, by }));
forgetsInFact("topic", (topic, erased) =>
  erased.has(topic.by) ? { ...topic, text: null } : topic,
);
// No text means that the topic was removed or that its author was erased.
showsNotice("TopicSet", ({ data }) =>
  data.topic === null ? "changed the topic" : "set the topic",
);

/** Members set it in private rooms; elsewhere owners and moderators do. */
function maySet({ role, kind }: RoomState): boolean {
  return role !== null && (role !== "member" || kind === "private");
}

function TopicLine({ room }: { room: RoomState }) {
  const [open, setOpen] = useState(false);
  const topic = room.open?.view.facts.topic;
  const text = topic?.text ?? "";
  const by = useChatState((state) => nameOf(state.people, topic?.by ?? ""));
  const may = maySet(room);
  if (room.open === null || (text === "" && !may)) return null;
  return (
    <>
      <button
        type="button"
        data-testid="topic"
        aria-label={text === "" ? undefined : `Topic: ${text}`}
        className={`relative block max-w-full rounded-sm text-left text-xs leading-4 after:absolute after:-inset-y-1 after:inset-x-0 hover:underline ${text === "" ? "text-faint" : "text-soft"}`}
        onClick={() => {
          setOpen(true);
        }}
      >
        <span className="block truncate">{text === "" ? "Add a topic" : text}</span>
      </button>
      <Modal
        open={open}
        onOpenChange={setOpen}
        title="Topic"
        {...(text === "" ? {} : { description: `Set by ${by}` })}
      >
        {may ? (
          <TopicForm
            room={room.room}
            text={text}
            done={() => {
              setOpen(false);
            }}
          />
        ) : (
          <p
            data-testid="topic-text"
            className="overflow-y-auto px-5 pt-1 pb-5 [overflow-wrap:anywhere]"
          >
            {text}
          </p>
        )}
      </Modal>
    </>
  );
}

interface TopicFormProps {
  room: string;
  text: string;
  done: () => void;
}

function TopicForm({ room, text, done }: TopicFormProps) {
  const chat = useChat();
  const id = useId();
  const [topic, setTopic] = useState(text);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const left = MAX_TOPIC - Array.from(topic.trim()).length;

  async function submit(event: SyntheticEvent) {
    event.preventDefault();
    setBusy(true);
    const refusal = await chat.commands.ask({ action: "set_topic", room, topic: topic.trim() });
    setBusy(false);
    setProblem(refusal);
    if (refusal === null) done();
  }

  return (
    <form
      onSubmit={(event) => void submit(event)}
      className="flex min-h-0 flex-col gap-3 overflow-y-auto px-5 pt-1 pb-5"
      noValidate
    >
      <textarea
        id={id}
        data-testid="topic-input"
        aria-label="Topic"
        aria-describedby={`${id}-left`}
        className="field field-sizing-content max-h-[40dvh] min-h-24 w-full resize-none px-3 py-2"
        value={topic}
        placeholder="What the room is about, in one line"
        onChange={(event) => {
          // A topic is one line: what is pasted with several becomes one.
          setTopic(event.target.value.replace(/[\n\t]+/g, " "));
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.nativeEvent.isComposing) return;
          event.preventDefault();
          event.currentTarget.form?.requestSubmit();
        }}
      />
      <p role="alert" className="text-sm text-danger empty:hidden">
        {problem}
      </p>
      <div className="flex items-center justify-end gap-2">
        <p
          id={`${id}-left`}
          className={`flex-1 text-xs ${left < 0 ? "text-danger" : "text-faint"}`}
        >
          {left < 0 ? `${-left} too many characters` : left < 50 && `${left} characters left`}
        </p>
        <Button type="submit" data-testid="topic-save" disabled={busy || left < 0}>
          {topic.trim() === "" && text !== "" ? "Remove topic" : "Save"}
        </Button>
      </div>
    </form>
  );
}

registerFeature({ HeaderLine: TopicLine });

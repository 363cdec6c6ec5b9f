import { memo, useState, type PointerEvent } from "react";
import type { FoldedMessage } from "../../fold/messages";
import { indexOf } from "../../fold/messages";
import type { Role } from "../../fold/room";
import type { PendingPost } from "../../store/pending";
import { partsOf, type OfMessage } from "../../features/feature";
import { Avatar } from "../common/Avatar";
import { hueStyle, nameOf } from "../common/person";
import { clockTime, fullTime } from "../common/time";
import { MessageBody } from "./MessageBody";
import { MessageActions } from "./MessageActions";
import { PostState } from "./PostState";
import { Quote } from "./Quote";
import { Reactions } from "./Reactions";

/** The actions on messages; the same object for all rows, so that they do not render again. */
export interface RowActions {
  readonly of: Pick<OfMessage, "room" | "kind">;
  readonly reply: (version: number) => void;
  readonly edit: (version: number) => void;
  readonly remove: (version: number) => void;
  readonly react: (version: number, emoji: string, on: boolean) => void;
  readonly jump: (version: number) => void;
  readonly retry: (id: string) => void;
  readonly discard: (id: string) => void;
}

interface MessageRowProps {
  message: FoldedMessage | PendingPost;
  /** True if it opens a group, and so shows its author. */
  leads: boolean;
  rowKey: string;
  tabbable: boolean;
  flash: boolean;
  me: string;
  role: Role | null;
  mayPost: boolean;
  messages: readonly FoldedMessage[];
  people: ReadonlyMap<string, string | null>;
  actions: RowActions;
  wantQuoted: (version: number) => void;
}

export const MessageRow = memo(MessageLine, sameRow);

function MessageLine(props: MessageRowProps) {
  const { message, leads, rowKey, tabbable, flash, me, people, actions } = props;
  const [near, setNear] = useState(false);
  const [picking, setPicking] = useState(false);
  const posted = "n" in message ? message : null;
  const pending = "n" in message ? null : message;
  const name = nameOf(people, message.by);
  const action = message.kind === "action";
  const quoted = quotedIn(props);
  const failed = pending?.state === "failed";
  const pointed = (event: PointerEvent) => {
    // A touch has no hover: a tap focuses the row, which shows the buttons too.
    if (event.pointerType !== "touch") setNear(true);
  };
  const time = (
    <time
      dateTime={message.at}
      title={fullTime(message.at)}
      className="shrink-0 text-xs text-faint tabular-nums"
    >
      {clockTime(message.at)}
    </time>
  );
  const quote = message.reply_to !== null && (
    <Quote
      version={message.reply_to}
      quoted={quoted}
      people={people}
      jump={actions.jump}
      want={props.wantQuoted}
    />
  );

  return (
    <article
      data-testid="message"
      data-key={rowKey}
      data-n={posted?.n}
      data-version={posted?.version ?? pending?.ackedAs ?? undefined}
      data-state={!pending || pending.state === "acked" ? "sent" : failed ? "failed" : "pending"}
      // The arrow keys move between messages, as in WAI-ARIA's feed pattern.
      tabIndex={tabbable ? 0 : -1}
      aria-label={`${name}, ${clockTime(message.at)}`}
      className={`group relative flex gap-3 px-5 py-0.5 outline-offset-[-2px] hover:bg-sunken focus-within:bg-sunken md:px-7 ${
        leads ? "mt-2.5" : ""
      } ${flash ? "animate-flash" : ""}`}
      onPointerEnter={pointed}
      // The focus may have moved away while the pointer stayed.
      onPointerMove={pointed}
      onPointerLeave={({ currentTarget: row, pointerType }) => {
        // A touch leaves when the finger lifts, and the click of the tap follows.
        if (pointerType === "touch") return;
        // Not while the row has the keyboard focus, which would be lost.
        if (!row.matches(":focus-visible, :has(:focus-visible)")) setNear(false);
      }}
      onFocus={() => {
        setNear(true);
      }}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) setNear(false);
      }}
    >
      <div className="w-9 shrink-0 pt-0.5">
        {leads ? (
          <Avatar id={message.by} name={name} />
        ) : (
          <time
            dateTime={message.at}
            title={fullTime(message.at)}
            className="absolute left-0 hidden w-14 text-right text-2xs leading-6 whitespace-nowrap text-faint tabular-nums group-hover:block group-focus-within:block md:w-16"
          >
            {clockTime(message.at)}
          </time>
        )}
      </div>
      <div className="min-w-0 flex-1">
        {leads && !action && (
          <div className="flex items-baseline gap-2 leading-5">
            <span className="person-ink truncate font-semibold" style={hueStyle(message.by)}>
              {name}
            </span>
            {time}
          </div>
        )}
        {!action && quote}
        {action ? (
          <div className="flex items-baseline gap-2">
            <MessageBody message={message} name={name} />
            {time}
          </div>
        ) : (
          <MessageBody message={message} name={name} />
        )}
        {/* The line of an action begins with the name, next to the picture. */}
        {action && quote}
        {posted &&
          partsOf("MessageMark").map((Mark, index) => <Mark key={index} message={posted} />)}
        {pending && <PostState post={pending} retry={actions.retry} discard={actions.discard} />}
        {posted && Object.keys(posted.reactions).length > 0 && (
          <Reactions
            message={posted}
            me={me}
            people={people}
            mayReact={props.role !== null}
            react={actions.react}
          />
        )}
      </div>
      {posted && !posted.deleted && props.role !== null && (near || picking) && (
        <MessageActions
          message={posted}
          me={me}
          role={props.role}
          mayPost={props.mayPost}
          actions={actions}
          picking={picking}
          setPicking={setPicking}
        />
      )}
    </article>
  );
}

function quotedIn({ message, messages }: MessageRowProps): FoldedMessage | undefined {
  return message.reply_to === null ? undefined : messages[indexOf(messages, message.reply_to)];
}

/** New messages and names must not render every row: a row reads only its own. */
function sameRow(before: MessageRowProps, after: MessageRowProps): boolean {
  return (
    before.message === after.message &&
    before.leads === after.leads &&
    before.tabbable === after.tabbable &&
    before.flash === after.flash &&
    before.role === after.role &&
    before.mayPost === after.mayPost &&
    before.actions === after.actions &&
    quotedIn(before) === quotedIn(after) &&
    (before.people === after.people ||
      [after.message.by, quotedIn(after)?.by ?? "", ...reactors(after)].every(
        (id) => before.people.get(id) === after.people.get(id),
      ))
  );
}

function reactors({ message }: MessageRowProps): string[] {
  return "n" in message ? Object.values(message.reactions).flat() : [];
}

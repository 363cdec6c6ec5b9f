import { Avatar } from "../common/Avatar";
import { hueStyle } from "../common/person";

const lines = [
  { id: "u_3ines", name: "Inês", text: "The draft is up. Who has ten minutes?", shift: "" },
  { id: "u_2tomas", name: "Tomás", text: "Reading it now.", shift: "ml-10" },
  { id: "u_1wren", name: "Wren", text: "One thing on page two, else it is lovely.", shift: "ml-4" },
  { id: "u_2okoro", name: "Okoro", text: "Then let us ship it on Thursday.", shift: "ml-14" },
];

/** A picture of a conversation, for the entry screen. */
export function Table() {
  return (
    <div className="flex w-[min(30rem,80%)] flex-col gap-5">
      {lines.map((line) => (
        <div key={line.id} className={`flex items-end gap-3 ${line.shift}`}>
          <Avatar id={line.id} name={line.name} size={40} />
          <div className="rounded-2xl rounded-bl-md bg-raised px-4 py-2.5 shadow-raised">
            <div className="person-ink text-sm font-semibold" style={hueStyle(line.id)}>
              {line.name}
            </div>
            <div className="text-ink">{line.text}</div>
          </div>
        </div>
      ))}
    </div>
  );
}

/** Messages that are edited and deleted. */
import { changesMessage } from "./registry";

changesMessage("MessageEdited", (message, { data, at }) => ({
  ...message,
  text: data.text,
  edited_at: at,
}));
changesMessage("MessageDeleted", (message) => ({
  ...message,
  text: null,
  deleted: true,
  reactions: {},
  edited_at: null,
}));

/** A link that brings a guest to another device; its secret stands in the address's fragment. */

const LINK = /^#\/link\/([\w-]*)/u;

/**
 * The secret of the link that the page was opened with, null where it was not. It is out of the
 * address, and of the history's entry, before anything is rendered or requested.
 */
export function takeLink(): string | null {
  const secret = LINK.exec(location.hash)?.[1];
  if (secret === undefined) return null;
  history.replaceState(null, "", `${location.pathname}#/`);
  return secret === "" ? null : secret;
}

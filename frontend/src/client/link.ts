/** A link that brings a guest to another device; its secret is in the address's fragment. */

const LINK = /^#\/link\/([\w-]*)/u;

/**
 * The secret of the link that opened the page, null if there is none. It is removed from the
 * address, and from the history's entry, before anything is rendered or requested.
 */
export function takeLink(): string | null {
  const secret = LINK.exec(location.hash)?.[1];
  if (secret === undefined) return null;
  history.replaceState(null, "", `${location.pathname}#/`);
  return secret === "" ? null : secret;
}

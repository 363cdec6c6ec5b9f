/** Where the server is: /config.json names it, so that one build serves every place. */
export interface Config {
  /** Base address of the HTTP API; empty for the origin that serves the web app. */
  readonly api: string;
}

export async function loadConfig(): Promise<Config> {
  try {
    const response = await fetch("/config.json", { cache: "no-cache" });
    const read: unknown = response.ok ? await response.json() : {};
    return { api: apiOf(read) };
  } catch {
    // Not there, or not JSON because a server answers every path with its page.
    return { api: "" };
  }
}

function apiOf(read: unknown): string {
  if (typeof read !== "object" || read === null || !("api" in read)) return "";
  return typeof read.api === "string" ? read.api.replace(/\/$/, "") : "";
}

import { backoff } from "./backoff";
import { answerOf } from "./within";

/** The deployment's configuration from /config.json, so that one build serves every deployment. */
export interface Config {
  /** Base address of the HTTP API; empty for the origin that serves the web app. */
  readonly api: string;
  /** Whether a nickname alone opens a session. */
  readonly guests: boolean;
  /** The hosted sign-in; null if there is none. */
  readonly cognito: Cognito | null;
  /**
   * Whether the push of a post serves as its ack, for deployments where frames cost money
   * (docs/cost.md).
   */
  readonly quietPosts: boolean;
}

export interface Cognito {
  /** Address of the user pool's hosted pages, without a slash at its end. */
  readonly domain: string;
  readonly clientId: string;
}

/** The file exists but is invalid; the message names the error. */
export class ConfigError extends Error {}

const DEFAULTS: Config = { api: "", guests: true, cognito: null, quietPosts: false };

const TRIES = 3;
/** Milliseconds for one attempt: the file is small. */
const FILE_WITHIN = 8_000;

/** Throws ConfigError if the file is invalid. */
export async function loadConfig(): Promise<Config> {
  for (let failures = 0; failures < TRIES; failures += 1) {
    if (failures > 0) await pause(backoff(failures + 1, () => Math.random()));
    try {
      const { ok, status, body } = await answerOf(
        "/config.json",
        { cache: "no-cache" },
        null,
        FILE_WITHIN,
      );
      // Missing, or not JSON because a server answers every path with its page.
      if (status < 500) return ok && body !== null ? parseConfig(body) : DEFAULTS;
    } catch (error) {
      if (error instanceof ConfigError) throw error;
    }
  }
  return DEFAULTS;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

/** A wrong field is an error and not ignored: a typing error must not allow guests. */
export function parseConfig(read: unknown): Config {
  const file = fieldsOf(read, "the file", ["api", "guests", "cognito", "quiet_posts"]);
  const { api = "", guests = true, quiet_posts: quietPosts = false } = file;
  if (typeof api !== "string") throw new ConfigError("api must be a text");
  if (typeof guests !== "boolean") throw new ConfigError("guests must be true or false");
  if (typeof quietPosts !== "boolean") throw new ConfigError("quiet_posts must be true or false");
  const cognito = cognitoOf(file.cognito);
  if (!guests && !cognito) throw new ConfigError("without guests there must be cognito");
  return { api: api === "" ? "" : addressOf(api, "api"), guests, cognito, quietPosts };
}

function cognitoOf(read: unknown): Cognito | null {
  if (read === undefined) return null;
  const { domain, client_id: clientId } = fieldsOf(read, "cognito", ["domain", "client_id"]);
  if (typeof clientId !== "string" || !/^[\w+]+$/.test(clientId)) {
    throw new ConfigError("cognito.client_id must be a client's id");
  }
  return { domain: addressOf(domain, "cognito.domain"), clientId };
}

function fieldsOf(
  read: unknown,
  where: string,
  known: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof read !== "object" || read === null || Array.isArray(read)) {
    throw new ConfigError(`${where} must be an object`);
  }
  const stray = Object.keys(read).find((key) => !known.includes(key));
  if (stray !== undefined) throw new ConfigError(`${where} has no field ${stray}`);
  return read as Record<string, unknown>;
}

const LOCAL = ["localhost", "127.0.0.1"];

/** An https address; http only for this machine, where a stack may run for tests. */
function addressOf(read: unknown, where: string): string {
  const url = typeof read === "string" && URL.canParse(read) ? new URL(read) : null;
  const safe =
    url?.protocol === "https:" || (url?.protocol === "http:" && LOCAL.includes(url.hostname));
  if (!url || !safe || url.search !== "" || url.hash !== "" || url.username !== "") {
    throw new ConfigError(`${where} must be an https address`);
  }
  return url.href.replace(/\/$/, "");
}

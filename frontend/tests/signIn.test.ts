// @vitest-environment happy-dom
import { webcrypto } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Api } from "../src/client/api";
import {
  arrive,
  challengeOf,
  claimOf,
  matched,
  newAttempt,
  signInUrl,
  signOutUrl,
  SignInError,
} from "../src/client/signIn";
import { keepAttempt, takeAttempt, type Attempt } from "../src/client/storage";

const COGNITO = { domain: "https://pool.example.org", clientId: "7abc" };
const ORIGIN = "https://chat.example.org";
const ATTEMPT: Attempt = {
  state: "state-1",
  nonce: "nonce-1",
  verifier: "v".repeat(43),
  nickname: "",
  back: "#/lobby",
};
const ENTERED = { token: "parley-token", user: { id: "u_dora", name: "Dora" } };

beforeEach(() => {
  vi.stubGlobal("crypto", webcrypto);
});
afterEach(() => {
  vi.unstubAllGlobals();
  sessionStorage.clear();
});

describe("PKCE", () => {
  it("makes the challenge of RFC 7636, appendix B", async () => {
    expect(await challengeOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")).toBe(
      "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    );
  });

  it("makes each attempt anew, with a verifier that PKCE takes", () => {
    const one = newAttempt("", "");
    const other = newAttempt("", "");
    expect(one.verifier).toMatch(/^[\w-]{43}$/);
    const secrets = [one, other].flatMap(({ state, nonce, verifier }) => [state, nonce, verifier]);
    expect(new Set(secrets).size).toBe(6);
  });

  it("asks for a code, and keeps the verifier to itself", async () => {
    const url = new URL(await signInUrl(COGNITO, ATTEMPT, ORIGIN));
    expect(url.origin + url.pathname).toBe("https://pool.example.org/oauth2/authorize");
    expect(Object.fromEntries(url.searchParams)).toEqual({
      response_type: "code",
      client_id: "7abc",
      redirect_uri: "https://chat.example.org/callback",
      scope: "openid email profile",
      state: "state-1",
      nonce: "nonce-1",
      code_challenge: await challengeOf(ATTEMPT.verifier),
      code_challenge_method: "S256",
    });
    expect(url.href).not.toContain(ATTEMPT.verifier);
    expect(url.search).not.toContain("+");
  });

  it("knows where the hosted session ends", () => {
    expect(signOutUrl(COGNITO, ORIGIN)).toBe(
      "https://pool.example.org/logout?client_id=7abc&logout_uri=https%3A%2F%2Fchat.example.org%2F",
    );
  });
});

describe("matched", () => {
  const answer = (query: string) => () => matched(new URLSearchParams(query), ATTEMPT);

  it("takes the answer to this tab's question", () => {
    expect(answer("code=c1&state=state-1")()).toMatchObject({ code: "c1", nonce: "nonce-1" });
  });

  it.each([
    ["not start in this tab", "code=c1&state=state-2"],
    ["not start in this tab", "code=c1"],
    ["not start in this tab", "error=access_denied"],
    ["cancelled", "error=access_denied&state=state-1"],
    ["did not work", "error=server_error&error_description=Buy%20now&state=state-1"],
    ["did not work", "state=state-1"],
    ["did not work", "code=&state=state-1"],
  ])("says %s of ?%s", (words, query) => {
    expect(answer(query)).toThrow(SignInError);
    expect(answer(query)).toThrow(words);
    expect(answer(query)).not.toThrow("Buy now");
  });

  it("takes no answer without a question", () => {
    expect(() => matched(new URLSearchParams("code=c1&state=state-1"), null)).toThrow(SignInError);
    expect(() => matched(new URLSearchParams("code=c1&state="), null)).toThrow(SignInError);
  });
});

describe("an attempt", () => {
  it("is good for one answer", () => {
    keepAttempt(ATTEMPT);
    expect(takeAttempt()).toEqual(ATTEMPT);
    expect(takeAttempt()).toBeNull();
  });
});

function idToken(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256" })}.${part(claims)}.signature`;
}

it("reads a claim, and nothing of what is no token", () => {
  expect(claimOf(idToken({ nonce: "n", name: "Zoë?>" }), "name")).toBe("Zoë?>");
  for (const wrong of ["", "a.b.c", "a", idToken([])])
    expect(claimOf(wrong, "nonce")).toBeUndefined();
});

describe("arrive", () => {
  const calls: Request[] = [];

  /** The hosted pages' token endpoint and the server. */
  function answering(token: () => Response, session: () => Response): void {
    calls.length = 0;
    vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
      const request = new Request(new URL(url, ORIGIN), init);
      calls.push(request);
      return Promise.resolve(request.url.includes("/oauth2/token") ? token() : session());
    });
  }

  function at(path: string): void {
    const { happyDOM } = window as unknown as { happyDOM: { setURL: (url: string) => void } };
    happyDOM.setURL(ORIGIN + path);
  }

  const good = () => Response.json({ id_token: idToken({ nonce: "nonce-1" }), access_token: "a" });
  const entered = () => Response.json(ENTERED, { status: 201 });
  const run = () => arrive(COGNITO, new Api(""));

  it("does nothing at another address", () => {
    at("/#/lobby");
    keepAttempt(ATTEMPT);
    expect(run()).toBeNull();
    expect(takeAttempt()).toEqual(ATTEMPT);
  });

  it("exchanges the code for a session, and leaves nothing behind", async () => {
    answering(good, entered);
    at("/callback?code=c1&state=state-1");
    keepAttempt({ ...ATTEMPT, nickname: "Dodo" });
    const arriving = run();
    expect(location.href).toBe(`${ORIGIN}/#/lobby`);
    expect(await arriving).toEqual({ entered: ENTERED });
    const [exchange, session] = calls;
    expect(exchange?.url).toBe("https://pool.example.org/oauth2/token");
    expect(Object.fromEntries(new URLSearchParams(await exchange?.text()))).toEqual({
      grant_type: "authorization_code",
      client_id: "7abc",
      redirect_uri: `${ORIGIN}/callback`,
      code: "c1",
      code_verifier: ATTEMPT.verifier,
    });
    expect(session?.url).toBe(`${ORIGIN}/api/session/cognito`);
    expect(session?.headers.get("Authorization")).toBe(`Bearer ${idToken({ nonce: "nonce-1" })}`);
    expect(await session?.json()).toEqual({ nickname: "Dodo" });
    expect(sessionStorage).toHaveLength(0);
    expect(localStorage).toHaveLength(0);
  });

  it("comes back to the page itself where the answer belongs to no attempt", async () => {
    answering(good, entered);
    at("/callback?code=c1&state=state-1");
    const arriving = run();
    expect(location.href).toBe(`${ORIGIN}/`);
    expect(await arriving).toMatchObject({
      problem: expect.stringContaining("not start") as string,
    });
  });

  it("sends no cookies, and is nothing without a pool", async () => {
    answering(good, entered);
    at("/callback?code=c1&state=state-1");
    keepAttempt(ATTEMPT);
    await run();
    expect(calls[0]?.credentials).toBe("omit");
    at("/callback?code=c1&state=state-1");
    keepAttempt(ATTEMPT);
    expect(arrive(null, new Api(""))).toBeNull();
    expect(location.href).toBe(`${ORIGIN}/#/lobby`);
    expect(takeAttempt()).toBeNull();
  });

  it("asks nobody where the answer is not to this tab's question", async () => {
    answering(good, entered);
    at("/callback?code=c1&state=forged");
    keepAttempt(ATTEMPT);
    expect(await run()).toEqual({
      problem: "This sign-in did not start in this tab. Sign in again.",
    });
    expect(calls).toHaveLength(0);
  });

  const refusal = (status: number, body: object) => () => Response.json(body, { status });

  it.each([
    ["could not be verified", refusal(200, { id_token: idToken({ nonce: "other" }) }), entered],
    ["took too long or was used", refusal(400, { error: "invalid_grant" }), entered],
    ["took too long or was used", refusal(200, { access_token: "a" }), entered],
    ["took too long or was used", () => new Response("<html>", { status: 200 }), entered],
    ["took too long or was used", refusal(500, { id_token: "a.b.c" }), entered],
    ["was not accepted", good, refusal(401, { message: "Unauthorized" })],
    [
      "Confirm your e-mail address first, then sign in again.",
      good,
      refusal(403, {
        error: {
          code: "forbidden",
          message: "confirm your e-mail address first, then sign in again",
        },
      }),
    ],
    ["The server answered with status 502.", good, () => new Response("<html>", { status: 502 })],
  ])("says in words for people: %s", async (words, token, session) => {
    answering(token, session);
    at("/callback?code=c1&state=state-1");
    keepAttempt(ATTEMPT);
    expect(await run()).toEqual({ problem: expect.stringContaining(words) as string });
  });

  it("says so where the hosted pages are out of reach", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("failed")));
    at("/callback?code=c1&state=state-1");
    keepAttempt(ATTEMPT);
    expect(await run()).toEqual({
      problem: "The sign-in service cannot be reached. Check your connection.",
    });
  });
});

describe("a call that API Gateway refuses itself", () => {
  async function codeOf(status: number, body: BodyInit): Promise<unknown> {
    vi.stubGlobal("fetch", () => Promise.resolve(new Response(body, { status })));
    return new Api("")
      .withToken("t")
      .whoAmI()
      .catch((error: unknown) => (error as { code: string }).code);
  }

  it.each([
    [401, '{"message":"Unauthorized"}', "unauthenticated"],
    [403, '{"message":"Forbidden"}', "unauthenticated"],
    [403, '{"error":{"code":"forbidden","message":"no"}}', "forbidden"],
    [403, "<html>blocked by a firewall</html>", "network"],
    [503, '{"message":"Service Unavailable"}', "network"],
  ])("%i %s is %s", async (status, body, code) => {
    expect(await codeOf(status, body)).toBe(code);
  });
});

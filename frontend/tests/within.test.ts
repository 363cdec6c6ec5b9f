// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Api, ApiError, mayPass } from "../src/client/api";
import { loadConfig } from "../src/client/config";
import { ANSWER_WITHIN } from "../src/client/within";

/** A server that never answers; a request ends when its signal says so, as in a browser. */
function hang(_: string, { signal }: RequestInit): Promise<Response> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener("abort", () => {
      reject(new DOMException("aborted", "AbortError"));
    });
  });
}

const failure = (call: Promise<unknown>) => call.catch((error: unknown) => error);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a request", () => {
  it("that nobody answers ends, and may be made again", async () => {
    vi.stubGlobal("fetch", vi.fn(hang));
    const settled = vi.fn();
    const call = failure(new Api("").rooms(null, 5));
    void call.then(settled);
    await vi.advanceTimersByTimeAsync(ANSWER_WITHIN - 1);
    expect(settled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(settled).toHaveBeenCalledOnce();
    const error = await call;
    expect(error).toMatchObject({ code: "network" });
    expect(mayPass(error)).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("whose answer stops in the middle ends too", async () => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("{"));
      },
    });
    vi.stubGlobal("fetch", (_: string, { signal }: RequestInit) => {
      const response = new Response(body);
      vi.spyOn(response, "json").mockImplementation(() => hang("", { signal: signal ?? null }));
      return Promise.resolve(response);
    });
    const call = failure(new Api("").rooms(null, 5));
    await vi.advanceTimersByTimeAsync(ANSWER_WITHIN);
    expect(await call).toMatchObject({ code: "network" });
  });

  it("of a session ends with the session", async () => {
    vi.stubGlobal("fetch", vi.fn(hang));
    const ended = new AbortController();
    const api = new Api("").withToken("t", ended.signal);
    const call = failure(api.rooms(null, 5));
    ended.abort();
    expect(await call).toMatchObject({ code: "network" });
    // Nor does a later one begin.
    vi.stubGlobal("fetch", (_: string, { signal }: RequestInit) =>
      signal?.aborted ? Promise.reject(new Error("aborted")) : Promise.resolve(Response.json({})),
    );
    expect(await failure(api.rooms(null, 5))).toMatchObject({ code: "network" });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("may pass later unless it was refused for what it asks", () => {
    for (const code of ["network", "rate_limited", "room_busy", "internal"]) {
      expect(mayPass(new ApiError(code, ""))).toBe(true);
    }
    for (const code of ["not_found", "forbidden", "unauthenticated", "invalid"]) {
      expect(mayPass(new ApiError(code, ""))).toBe(false);
    }
    expect(mayPass(new TypeError("failed"))).toBe(true);
  });
});

it("asks for the configuration again where the first request hangs or fails", async () => {
  const answers = [
    hang,
    () => Promise.resolve(new Response("", { status: 502 })),
    () => Promise.resolve(Response.json({ guests: true, quiet_posts: true })),
  ];
  const asked = vi.fn((url: string, init: RequestInit) => {
    const answer = answers.shift();
    if (!answer) throw new Error("asked too often");
    return answer(url, init);
  });
  vi.stubGlobal("fetch", asked);
  const config = loadConfig();
  await vi.advanceTimersByTimeAsync(30_000);
  expect(await config).toMatchObject({ quietPosts: true });
  expect(asked).toHaveBeenCalledTimes(3);
});

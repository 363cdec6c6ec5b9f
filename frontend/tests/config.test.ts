import { afterEach, describe, expect, it, vi } from "vitest";
import { ConfigError, loadConfig, parseConfig } from "../src/client/config";

const COGNITO = { domain: "https://parley.auth.eu-central-1.amazoncognito.com", client_id: "7abc" };
const DEFAULTS = { api: "", guests: true, cognito: null, quietPosts: false };

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("parseConfig", () => {
  it("takes the file that comes with the build", () => {
    expect(parseConfig({ api: "" })).toEqual(DEFAULTS);
    expect(parseConfig({})).toEqual(DEFAULTS);
  });

  it("takes a deployment's file", () => {
    const file = {
      api: "https://api.example.org/",
      guests: false,
      cognito: COGNITO,
      quiet_posts: true,
    };
    expect(parseConfig(file)).toEqual({
      api: "https://api.example.org",
      guests: false,
      cognito: { domain: COGNITO.domain, clientId: "7abc" },
      quietPosts: true,
    });
  });

  it("takes http for this machine alone", () => {
    const at = (domain: string) => parseConfig({ cognito: { ...COGNITO, domain } }).cognito?.domain;
    expect(at("http://localhost:4566/pool/")).toBe("http://localhost:4566/pool");
    expect(at("http://127.0.0.1:4566")).toBe("http://127.0.0.1:4566");
    expect(() => at("http://parley.example.org")).toThrow("cognito.domain");
  });

  it.each([
    ["the file", null],
    ["the file", []],
    ["the file", "text"],
    ["the file has no field guest", { guest: false }],
    ["api", { api: 7 }],
    ["api", { api: "/api" }],
    ["guests", { guests: "false" }],
    ["quiet_posts", { quiet_posts: 1 }],
    ["without guests there must be cognito", { guests: false }],
    ["cognito must be an object", { cognito: null }],
    ["cognito has no field clientId", { cognito: { ...COGNITO, clientId: "7abc" } }],
    ["cognito.client_id", { cognito: { domain: COGNITO.domain } }],
    ["cognito.client_id", { cognito: { ...COGNITO, client_id: "" } }],
    ["cognito.client_id", { cognito: { ...COGNITO, client_id: "7abc&scope=all" } }],
    ["cognito.client_id", { cognito: { ...COGNITO, client_id: " 7abc" } }],
    ["cognito.domain", { cognito: { ...COGNITO, domain: 7 } }],
    ["cognito must be an object", { cognito: [] }],
    ["api must be a text", { api: { href: "https://a.example" } }],
    ["cognito.domain", { cognito: { client_id: "7abc" } }],
    ["cognito.domain", { cognito: { ...COGNITO, domain: "parley.example.org" } }],
    ["cognito.domain", { cognito: { ...COGNITO, domain: "javascript:alert(1)" } }],
    ["cognito.domain", { cognito: { ...COGNITO, domain: "https://a@b.example.org" } }],
    ["cognito.domain", { cognito: { ...COGNITO, domain: "https://example.org/?a=b" } }],
  ])("names what is wrong: %s", (wrong, file) => {
    const parsed = () => parseConfig(file);
    expect(parsed).toThrow(ConfigError);
    expect(parsed).toThrow(wrong);
  });
});

describe("loadConfig", () => {
  function answering(answer: () => Promise<Response>): void {
    vi.stubGlobal("fetch", vi.fn(answer));
  }

  it.each([
    ["is not there", () => Promise.resolve(new Response("", { status: 404 }))],
    ["is the web app's page", () => Promise.resolve(new Response("<!doctype html>"))],
    ["cannot be fetched", () => Promise.reject(new TypeError("failed"))],
  ])("goes by the defaults where the file %s", async (_, answer) => {
    vi.useFakeTimers();
    answering(answer);
    const config = loadConfig();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await config).toEqual(DEFAULTS);
  });

  it("asks for the file as it is now, and goes by no other answer's body", async () => {
    answering(() => Promise.resolve(Response.json({ guests: false }, { status: 404 })));
    expect(await loadConfig()).toEqual(DEFAULTS);
    expect(fetch).toHaveBeenCalledExactlyOnceWith(
      "/config.json",
      expect.objectContaining({ cache: "no-cache" }),
    );
  });

  it("does not pass over a file that is wrong", async () => {
    answering(() => Promise.resolve(Response.json({ guests: 0 })));
    await expect(loadConfig()).rejects.toThrow("guests must be true or false");
  });
});

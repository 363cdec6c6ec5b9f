/**
 * Signing in on the hosted pages of a Cognito user pool: an authorization code with PKCE (RFC
 * 7636). The pages return an ID token; it is sent to the server once, for a Parley session, and not
 * stored.
 */
import { ApiError, type Api } from "./api";
import type { Cognito } from "./config";
import { messageOf } from "./problems";
import { keepAttempt, takeAttempt, type Attempt } from "./storage";
import type { Entered } from "../wire/http";
import { answerOf, type Answer } from "./within";

export const CALLBACK = "/callback";
const SCOPE = "openid email profile";

/** Why the sign-in failed, in words for the person. */
export class SignInError extends Error {}

/** The result of a sign-in; never a rejected promise. */
export type Arrived = { readonly entered: Entered } | { readonly problem: string };

/** Goes to the hosted pages; `nickname` is the name that a new person wants. */
export async function leaveToSignIn(cognito: Cognito, nickname: string): Promise<void> {
  if (!("subtle" in crypto)) {
    throw new SignInError("Signing in needs a secure address: open this page with https.");
  }
  const attempt = newAttempt(nickname, location.hash);
  const url = await signInUrl(cognito, attempt, location.origin);
  if (!keepAttempt(attempt)) {
    throw new SignInError("Your browser does not store data for this page, so you cannot sign in.");
  }
  location.assign(url);
}

/** The hosted pages' answer in the address; null if the person does not come from there. */
export function arrive(cognito: Cognito | null, api: Api): Promise<Arrived> | null {
  if (location.pathname !== CALLBACK) return null;
  const answer = new URLSearchParams(location.search);
  const attempt = takeAttempt();
  // The code is removed from the address before anything is awaited: reloading must not send it
  // again.
  history.replaceState(null, "", `/${attempt?.back ?? ""}`);
  return cognito && complete(cognito, api, answer, attempt);
}

async function complete(
  cognito: Cognito,
  api: Api,
  answer: URLSearchParams,
  attempt: Attempt | null,
): Promise<Arrived> {
  try {
    const { code, verifier, nonce, nickname } = matched(answer, attempt);
    const token = await redeem(cognito, code, verifier, location.origin);
    if (claimOf(token, "nonce") !== nonce) {
      throw new SignInError("The sign-in could not be verified. Sign in again.");
    }
    return { entered: await api.exchange(token, nickname) };
  } catch (error) {
    return { problem: problemOf(error) };
  }
}

export function newAttempt(nickname: string, back: string): Attempt {
  return { state: random(), nonce: random(), verifier: random(), nickname, back };
}

export async function signInUrl(
  cognito: Cognito,
  attempt: Attempt,
  origin: string,
): Promise<string> {
  return addressed(cognito, "/oauth2/authorize", {
    response_type: "code",
    client_id: cognito.clientId,
    redirect_uri: origin + CALLBACK,
    scope: SCOPE,
    state: attempt.state,
    nonce: attempt.nonce,
    code_challenge: await challengeOf(attempt.verifier),
    code_challenge_method: "S256",
  });
}

/**
 * The address that ends the hosted session; otherwise the next sign-in would not ask for the
 * account.
 */
export function signOutUrl(cognito: Cognito, origin: string): string {
  return addressed(cognito, "/logout", { client_id: cognito.clientId, logout_uri: `${origin}/` });
}

/** RFC 7636, 4.2: S256. */
export async function challengeOf(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return base64url(new Uint8Array(digest));
}

/** Checks that the answer belongs to this tab's sign-in. */
export function matched(
  answer: URLSearchParams,
  attempt: Attempt | null,
): Attempt & { readonly code: string } {
  if (!attempt || answer.get("state") !== attempt.state) {
    throw new SignInError("This sign-in did not start in this tab. Sign in again.");
  }
  const error = answer.get("error");
  if (error === "access_denied") throw new SignInError("The sign-in was cancelled.");
  const code = answer.get("code");
  // The pages' error text is for developers, and anybody could have written it.
  if (error !== null || code === null || code === "") {
    throw new SignInError("The sign-in did not work. Try again.");
  }
  return { ...attempt, code };
}

async function redeem(
  cognito: Cognito,
  code: string,
  verifier: string,
  origin: string,
): Promise<string> {
  let answer: Answer;
  try {
    answer = await answerOf(`${cognito.domain}/oauth2/token`, {
      method: "POST",
      credentials: "omit",
      body: new URLSearchParams({
        grant_type: "authorization_code",
        client_id: cognito.clientId,
        redirect_uri: origin + CALLBACK,
        code,
        code_verifier: verifier,
      }),
    });
  } catch {
    throw new SignInError("The sign-in service cannot be reached. Check your connection.");
  }
  const token = (answer.body as { id_token?: unknown } | null)?.id_token;
  if (!answer.ok || typeof token !== "string") {
    // A code is valid once and for a few minutes.
    throw new SignInError("The sign-in took too long or was used before. Sign in again.");
  }
  return token;
}

/** A claim of a token that came directly from the pool; the server checks its signature. */
export function claimOf(token: string, claim: string): unknown {
  try {
    const payload = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (char) => char.charCodeAt(0));
    return (JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>)[claim];
  } catch {
    return undefined;
  }
}

function problemOf(error: unknown): string {
  if (error instanceof SignInError) return error.message;
  if (!(error instanceof ApiError)) return "The sign-in did not work. Try again.";
  if (error.code === "unauthenticated") return "The sign-in was not accepted. Sign in again.";
  return sentence(messageOf(error.code, error.message));
}

/** The server's messages begin in lower case and have no full stop. */
function sentence(words: string): string {
  const begun = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

function addressed(cognito: Cognito, path: string, query: Record<string, string>): string {
  // Cognito requires %20 and does not accept +.
  const asked = new URLSearchParams(query).toString().replaceAll("+", "%20");
  return `${cognito.domain}${path}?${asked}`;
}

/** 256 random bits: 43 characters, the minimum of PKCE. */
function random(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

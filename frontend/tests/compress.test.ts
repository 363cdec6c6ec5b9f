import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, it } from "vitest";
import { compressFolder } from "../scripts/compress";

let folder: string;
const long = "const words = 'the same again and again';\n".repeat(200);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "parley-compress-"));
  mkdirSync(join(folder, "assets"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

it("puts both forms beside each text, which they are again when they are opened", () => {
  writeFileSync(join(folder, "assets", "a.js"), long);
  writeFileSync(join(folder, "index.html"), long);
  compressFolder(folder);
  for (const path of [join(folder, "assets", "a.js"), join(folder, "index.html")]) {
    expect(brotliDecompressSync(readFileSync(`${path}.br`)).toString()).toBe(long);
    expect(gunzipSync(readFileSync(`${path}.gz`)).toString()).toBe(long);
  }
});

it("leaves alone what is edited later, what is small and what is no text", () => {
  writeFileSync(join(folder, "config.json"), long);
  writeFileSync(join(folder, "small.js"), "1");
  writeFileSync(join(folder, "picture.png"), long);
  writeFileSync(join(folder, "small.js.br"), "of a larger one, before");
  compressFolder(folder);
  expect(readdirSync(folder).sort()).toEqual(["assets", "config.json", "picture.png", "small.js"]);
});

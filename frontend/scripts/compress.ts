/**
 * Writes a Brotli and a gzip form beside each text of a build; local/files.py sends them. The build
 * takes the time that a server would not: the best of both, once.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const TEXTS = /\.(?:css|html|js|json|map|svg|txt|webmanifest)$/u;
/** What is edited after a build, by people and scripts that know nothing of forms. */
const EDITED = new Set(["config.json"]);
/** Bytes. Smaller files fit into one packet with their headers as they are. */
const LEAST = 1_000;

export function compress(): Plugin {
  let folder = "dist";
  return {
    name: "parley-compress",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    closeBundle() {
      compressFolder(folder);
    },
  };
}

/** Compresses what lies in a folder and below; a form that saves nothing is not kept. */
export function compressFolder(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !TEXTS.test(entry.name) || EDITED.has(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    const text = readFileSync(path);
    const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
    keep(`${path}.br`, brotliCompressSync(text, { params }), text.length);
    keep(`${path}.gz`, gzipSync(text, { level: 9 }), text.length);
  }
}

function keep(path: string, form: Uint8Array, plain: number): void {
  rmSync(path, { force: true });
  if (plain >= LEAST && form.length < plain) writeFileSync(path, form);
}

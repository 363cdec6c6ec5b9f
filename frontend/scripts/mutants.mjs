// Plants small faults in fold, client and store, one at a time, and runs the tests that reach each.
// Prints those that no test noticed and the share caught; ends with 1 below 85 %.
//
// node scripts/mutants.mjs [path ...]   all mutants of these files, in place of a sample
//
// SEED chooses the sample (the day's number without it), SIZE about how many mutants it has.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const WANTED = 85;
const FOLDERS = ["src/fold", "src/client", "src/store"];
/** Lines that are taken or left together, so that mutants of several lines are among them. */
const WINDOW = 24;
/** Mutants on a line of code, on average. */
const DENSITY = 0.6;

const seed = Number(process.env.SEED || Math.floor(Date.now() / 86_400_000));
const size = Number(process.env.SIZE || 400);

/** mulberry32: the same numbers for the same seed, everywhere. */
function dice(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Stretches of lines from all files, in an order that the seed chooses, until there are enough. */
function sample() {
  const random = dice(seed);
  const stretches = [];
  const files = FOLDERS.flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`));
  for (const file of files.filter((name) => name.endsWith(".ts")).sort()) {
    const lines = readFileSync(file, "utf8").split("\n").length;
    const first = 1 - Math.floor(random() * WINDOW);
    for (let from = first; from <= lines; from += WINDOW) {
      const [start, end] = [Math.max(1, from), Math.min(lines, from + WINDOW - 1)];
      stretches.push({ order: random(), lines: end - start + 1, range: `${file}:${start}-${end}` });
    }
  }
  stretches.sort((a, b) => a.order - b.order);
  let left = size / DENSITY;
  return stretches.filter(({ lines }) => left > 0 && ((left -= lines), true)).map((s) => s.range);
}

const given = process.argv.slice(2);
const mutate = given.length > 0 ? given : sample();
console.log(given.length > 0 ? "all mutants" : `seed ${seed}: ${mutate.length} stretches`);
const run = spawnSync(
  "node_modules/.bin/stryker",
  ["run", "--logLevel", "error", "--mutate", mutate.join(",")],
  { stdio: "inherit" },
);
if (run.status !== 0) process.exit(run.status ?? 1);

const counts = {};
const { files } = JSON.parse(readFileSync(".mutants/report.json", "utf8"));
for (const [file, { mutants, source }] of Object.entries(files)) {
  const lines = source.split("\n");
  for (const { status, location, replacement, mutatorName } of mutants) {
    counts[status] = (counts[status] ?? 0) + 1;
    if (status !== "Survived" && status !== "NoCoverage") continue;
    const line = location.start.line;
    const said = (replacement ?? mutatorName).replace(/\s+/g, " ").slice(0, 70);
    console.log(`${status}: ${file}:${line}: ${lines[line - 1].trim().slice(0, 70)} => ${said}`);
  }
}
const of = (...names) => names.reduce((sum, name) => sum + (counts[name] ?? 0), 0);
const caught = of("Killed", "Timeout");
const all = caught + of("Survived", "NoCoverage");
const share = all === 0 ? 0 : (caught / all) * 100;
console.log(`${caught} of ${all} mutants caught: ${share.toFixed(1)} %`);
process.exit(share < WANTED ? 1 : 0);

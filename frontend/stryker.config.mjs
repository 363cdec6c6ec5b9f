// Mutants of the web app's logic: `make mutants`, which runs scripts/mutants.mjs. The release is the
// last one that runs on Node 20.
export default {
  testRunner: "vitest",
  coverageAnalysis: "perTest",
  // Values made at import would need every test to run anew.
  ignoreStatic: true,
  concurrency: 2,
  timeoutMS: 10_000,
  reporters: ["json"],
  jsonReporter: { fileName: ".mutants/report.json" },
  tempDirName: ".mutants/copies",
  ignorePatterns: ["dist", ".mutants"],
  allowConsoleColors: false,
};

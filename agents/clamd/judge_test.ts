import assert from "node:assert/strict";
import type { Finding, NotScannedReason, ScanStatus, Verdict } from "../../engine/types.ts";
import { DEFAULT_SETTINGS } from "../../policy/defaults.ts";
import type { Action, Outcome, ReportStatus } from "../../policy/types.ts";
import { answerOf } from "./judge.ts";
import { answerLine, answerLines, shownPath } from "./replies.ts";

const NAMES = { namePrefix: "", suspiciousPrefix: "Heuristics." } as const;

function verdict(
  status: ScanStatus,
  findings: readonly Partial<Finding>[] = [],
  notScanned: readonly NotScannedReason[] = [],
): Verdict {
  return {
    status,
    findings: findings.map((each) => ({
      name: "X",
      severity: "infected",
      part: "",
      engine: "hash",
      ...each,
    })),
    notScanned,
    parts: [],
    ambiguities: [],
    headers: [],
    sha256: "",
    size: 1,
    costs: {},
  };
}

function outcome(action: Action, by: string, status?: ReportStatus): Outcome {
  return {
    final: true,
    action,
    by,
    quarantine: false,
    settings: DEFAULT_SETTINGS,
    ...(status ? { status } : {}),
  };
}

const ROWS: readonly {
  name: string;
  verdict?: Verdict;
  outcome: Outcome;
  notScanned?: "error" | "found" | "policy";
  want: string;
}[] = [
  {
    name: "clean is OK",
    verdict: verdict("clean"),
    outcome: outcome("accept", "default", "clean"),
    want: "OK",
  },
  {
    name: "infected and rejected is FOUND",
    verdict: verdict("infected", [{ name: "Eicar" }]),
    outcome: outcome("reject", "antivirus.infected", "infected"),
    want: "Eicar FOUND",
  },
  {
    name: "infected and accepted by the policy is OK",
    verdict: verdict("infected", [{ name: "Eicar" }]),
    outcome: outcome("accept", "antivirus.infected", "infected"),
    want: "OK",
  },
  {
    name: "suspicious and kept is FOUND as a heuristic",
    verdict: verdict("suspicious", [{ name: "Macro", severity: "suspicious" }]),
    outcome: outcome("quarantine", "antivirus.suspicious", "suspicious"),
    want: "Heuristics.Macro FOUND",
  },
  {
    name: "what is certain stands before guesses",
    verdict: verdict("infected", [{ name: "Macro", severity: "suspicious" }, { name: "Eicar" }]),
    outcome: outcome("reject", "antivirus.infected", "infected"),
    want: "Eicar FOUND",
  },
  {
    name: "suspicious and accepted is OK",
    verdict: verdict("suspicious", [{ severity: "suspicious" }]),
    outcome: outcome("accept", "antivirus.suspicious", "suspicious"),
    want: "OK",
  },
  {
    name: "not scanned is an ERROR with its reason",
    verdict: verdict("notScanned", [], ["encrypted"]),
    outcome: outcome("defer", "antivirus.notScanned", "notScanned"),
    want: "Not scanned: encrypted ERROR",
  },
  {
    name: "not scanned is never OK, even where the policy accepts it",
    verdict: verdict("notScanned", [], ["depth"]),
    outcome: outcome("accept", "antivirus.notScanned", "notScanned"),
    want: "Not scanned: depth ERROR",
  },
  {
    name: "not scanned is OK only where both say so",
    verdict: verdict("notScanned", [], ["depth"]),
    outcome: outcome("accept", "antivirus.notScanned", "notScanned"),
    notScanned: "policy",
    want: "OK",
  },
  {
    name: "not scanned and deferred stays an ERROR with the option policy",
    verdict: verdict("notScanned", [], ["time"]),
    outcome: outcome("defer", "antivirus.notScanned", "notScanned"),
    notScanned: "policy",
    want: "Not scanned: time ERROR",
  },
  {
    name: "not scanned is FOUND with the option found",
    verdict: verdict("notScanned", [], ["encrypted"]),
    outcome: outcome("defer", "antivirus.notScanned", "notScanned"),
    notScanned: "found",
    want: "Heuristics.Encrypted FOUND",
  },
  {
    name: "not scanned and rejected by the policy is FOUND",
    verdict: verdict("notScanned", [], ["ratio"]),
    outcome: outcome("reject", "antivirus.notScanned", "notScanned"),
    want: "Heuristics.NotScanned.ratio FOUND",
  },
  {
    name:
      "what programs read differently counts as not scanned where it would have had to be rewritten",
    verdict: verdict("clean"),
    outcome: outcome("defer", "antivirus.notScanned", "notScanned"),
    want: "Not scanned: malformed ERROR",
  },
  {
    name: "a rule's refusal is FOUND by its name, in one word",
    verdict: verdict("clean"),
    outcome: outcome("quarantine", "rule:no programs\n", "clean"),
    want: "Postern.Rule.no_programs_ FOUND",
  },
  {
    name: "a rule's refusal needs no scan",
    outcome: outcome("reject", "rule:x"),
    want: "Postern.Rule.x FOUND",
  },
  {
    name: "a rule's deferral is an ERROR",
    verdict: verdict("clean"),
    outcome: outcome("defer", "rule:later", "clean"),
    want: "Deferred by the policy: rule:later ERROR",
  },
];

for (const { name, verdict, outcome, notScanned = "error", want } of ROWS) {
  Deno.test(`clamd: ${name}`, { permissions: "none" }, () => {
    assert.equal(answerLine(answerOf({ ...NAMES, notScanned }, verdict, outcome)), want);
  });
}

Deno.test(
  "clamd: prefixes are put before names, and names have no blanks",
  { permissions: "none" },
  () => {
    const settings = {
      namePrefix: "House.",
      suspiciousPrefix: "PUA.",
      notScanned: "error",
    } as const;
    const found = verdict("infected", [
      { name: "a b" },
      { name: "guess", severity: "suspicious" },
      { name: "PUA.known", severity: "suspicious" },
    ]);
    const answer = answerOf(settings, found, outcome("reject", "antivirus.infected", "infected"));
    assert.deepEqual(answerLines(answer), [
      "House.a_b FOUND",
      "House.PUA.guess FOUND",
      "House.PUA.known FOUND",
    ]);
  },
);

Deno.test("attack 57: a file's name ends no line of an answer", { permissions: "none" }, () => {
  assert.equal(shownPath("/a: OK\n/b\0\x1b[2J\u0085"), "/a: OK?/b??[2J?");
});

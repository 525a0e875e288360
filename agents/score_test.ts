import assert from "node:assert/strict";
import type { Verdict } from "../engine/types.ts";
import { DEFAULT_SETTINGS } from "../policy/defaults.ts";
import type { Action, Outcome, ReportStatus } from "../policy/types.ts";
import { scoreOf } from "./score.ts";

const POINTS = { infected: 20, suspicious: 5, notScanned: 1 };

function verdict(over: Partial<Verdict> = {}): Verdict {
  return {
    status: "clean",
    findings: [],
    notScanned: [],
    parts: [],
    ambiguities: [],
    headers: [],
    sha256: "",
    size: 1,
    costs: {},
    ...over,
  };
}

function outcome(action: Action, by = "default", status: ReportStatus = "clean"): Outcome {
  return { final: true, action, by, status, quarantine: false, settings: DEFAULT_SETTINGS };
}

const INFECTED = verdict({
  status: "infected",
  findings: [{ name: "Eicar", severity: "infected", part: "", engine: "hash" }],
});
const SPAM = verdict({ spam: { score: 8.5, symptoms: [{ name: "GT-UBE", points: 8.5 }] } });

const ROWS: readonly {
  name: string;
  verdict: Verdict | undefined;
  outcome: Outcome;
  want: readonly [score: number, spam: boolean, symbols: string];
}[] = [
  { name: "clean mail", verdict: verdict(), outcome: outcome("accept"), want: [0, false, ""] },
  {
    name: "spam tests add up",
    verdict: SPAM,
    outcome: outcome("quarantine", "antispam.spam", "spam"),
    want: [8.5, true, "GT_UBE"],
  },
  {
    name: "spam that the policy only marks is spam",
    verdict: SPAM,
    outcome: outcome("accept", "antispam.spam", "spam"),
    want: [8.5, true, "GT_UBE"],
  },
  {
    name: "what is infected counts as configured",
    verdict: INFECTED,
    outcome: outcome("accept", "antivirus.infected", "infected"),
    want: [20, true, "POSTERN_INFECTED"],
  },
  {
    name: "what was removed counts nothing",
    verdict: INFECTED,
    outcome: outcome("accept", "antivirus.infected", "cleaned"),
    want: [0, false, "POSTERN_INFECTED"],
  },
  {
    name: "what a rule refuses reaches the threshold",
    verdict: verdict(),
    outcome: outcome("reject", "rule:no"),
    want: [6, true, "POSTERN_POLICY"],
  },
  {
    name: "what is refused without a scan reaches it, too",
    verdict: undefined,
    outcome: outcome("discard", "antivirus.action"),
    want: [6, true, "POSTERN_POLICY"],
  },
  {
    name: "what a rule lets pass stays below it",
    verdict: SPAM,
    outcome: outcome("accept", "rule:friends"),
    want: [5.9, false, "GT_UBE,POSTERN_POLICY"],
  },
  {
    name: "not scanned counts as configured",
    verdict: verdict({ status: "notScanned", notScanned: ["encrypted"] }),
    outcome: outcome("accept", "antivirus.notScanned", "notScanned"),
    want: [1, false, "POSTERN_NOT_SCANNED"],
  },
];

for (const { name, verdict, outcome, want } of ROWS) {
  Deno.test(`scoreOf: ${name}`, { permissions: "none" }, () => {
    const { score, spam, symbols } = scoreOf(verdict, outcome, POINTS);
    assert.deepEqual([score, spam, symbols.map((each) => each.name).join()], want);
    const sum = symbols.reduce((total, { points }) => total + points, 0);
    assert.ok(Math.abs(sum - score) < 0.01, "the symbols do not add up");
  });
}

import assert from "node:assert/strict";
import type { Verdict } from "../engine/types.ts";
import { verdictFacts } from "./verdict_facts.ts";

const VERDICT: Verdict = {
  status: "infected",
  findings: [{
    name: "Eicar-Test-Signature",
    severity: "infected",
    part: "1.2",
    engine: "builtin",
  }],
  notScanned: ["encrypted"],
  parts: [
    { path: "", kind: "root", type: "message", names: [], size: 10, sha256: "", depth: 0 },
    {
      path: "1",
      parent: "",
      kind: "part",
      type: "zip",
      names: ["a.zip"],
      size: 5,
      sha256: "",
      depth: 1,
      encrypted: true,
    },
  ],
  ambiguities: [{ name: "duplicate-boundary", part: "" }],
  spam: { score: 3, symptoms: [{ name: "SHOUTING", points: 3 }] },
  layout: { headerEnd: 5, lineEnd: "\r\n", ownFields: [] },
  headers: [{ name: "x-a", value: "b" }],
  sha256: "",
  size: 10,
  costs: {},
};

Deno.test("verdictFacts() says what the verdict says", { permissions: "none" }, () => {
  assert.deepEqual(verdictFacts(VERDICT), {
    size: 10,
    status: "infected",
    notScanned: ["encrypted"],
    enginesFailed: [],
    findings: ["Eicar-Test-Signature"],
    attachments: [{ names: ["a.zip"], type: "zip", encrypted: true, macro: false }],
    headers: [{ name: "x-a", value: "b" }],
    subject: null,
    ambiguities: ["duplicate-boundary"],
    spamScore: 3,
    spamSymptoms: ["SHOUTING"],
  });
});

Deno.test("verdictFacts() leaves out what a scan that died could not find out", {
  permissions: "none",
}, () => {
  const { spam: _, layout: _layout, ...rest } = VERDICT;
  const died: Verdict = {
    ...rest,
    status: "notScanned",
    findings: [],
    notScanned: ["crashed"],
    parts: [],
    ambiguities: [],
    headers: [],
  };
  assert.deepEqual(verdictFacts(died), {
    size: 10,
    status: "notScanned",
    notScanned: ["crashed"],
    enginesFailed: [],
  });
});

Deno.test("verdictFacts() names the external engines that gave no verdict", {
  permissions: "none",
}, () => {
  const facts = verdictFacts({
    ...VERDICT,
    engines: [
      { name: "clamd", status: "notScanned", reason: "time", ms: 30_000 },
      { name: "icap", status: "clean", ms: 3 },
    ],
  });
  assert.deepEqual(facts.enginesFailed, ["clamd"]);
});

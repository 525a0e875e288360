import assert from "node:assert/strict";
import type { Verdict } from "../../engine/types.ts";
import { type FileResult, fileResult, type FileStatus, notScannedResult, Tally } from "./result.ts";

const verdict: Verdict = {
  status: "clean",
  findings: [],
  notScanned: [],
  parts: [],
  ambiguities: [],
  headers: [],
  sha256: "",
  size: 0,
  costs: {},
};

const statuses: { name: string; verdict: Partial<Verdict>; want: FileStatus }[] = [
  {
    name: "clean below the threshold",
    verdict: { spam: { score: 4.9, symptoms: [] } },
    want: "clean",
  },
  { name: "spam at the threshold", verdict: { spam: { score: 5, symptoms: [] } }, want: "spam" },
  {
    name: "infected before spam",
    verdict: { status: "infected", spam: { score: 1000, symptoms: [] } },
    want: "infected",
  },
  {
    name: "spam before not scanned",
    verdict: { status: "notScanned", notScanned: ["encrypted"], spam: { score: 9, symptoms: [] } },
    want: "spam",
  },
  {
    name: "not scanned",
    verdict: { status: "notScanned", notScanned: ["time"] },
    want: "notScanned",
  },
];
for (const { name, verdict: given, want } of statuses) {
  Deno.test(`fileResult() says ${name}`, { permissions: "none" }, () => {
    assert.equal(fileResult("f", { ...verdict, ...given }, 5, 1).status, want);
  });
}

const runs: { name: string; statuses: FileStatus[]; want: number }[] = [
  { name: "0 for no files", statuses: [], want: 0 },
  { name: "0 for clean ones", statuses: ["clean", "clean"], want: 0 },
  { name: "4 when one was not scanned", statuses: ["clean", "notScanned"], want: 4 },
  { name: "3 for suspicious before 4", statuses: ["notScanned", "suspicious"], want: 3 },
  { name: "3 for spam before 4", statuses: ["spam", "notScanned"], want: 3 },
  { name: "2 before all", statuses: ["notScanned", "spam", "infected", "clean"], want: 2 },
];
for (const { name, statuses: given, want } of runs) {
  Deno.test(`Tally.exitStatus is ${name}`, { permissions: "none" }, () => {
    const tally = new Tally();
    for (const status of given) {
      tally.add({ ...notScannedResult("f", "size", 1), status } satisfies FileResult);
    }
    assert.equal(tally.exitStatus, want);
    assert.equal(tally.files, given.length);
  });
}

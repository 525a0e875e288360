/** What a replay decides is what the policy would have decided, whatever the log does not keep. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { MessageRecord } from "../../../agents/ports.ts";
import { compilePolicy } from "../../../policy/compile.ts";
import { decide } from "../../../policy/decide.ts";
import { factsArbitrary, policyArbitrary } from "../../../policy/testing/arbitrary.ts";
import { MAIL } from "../../../policy/testing/mail.ts";
import type { Facts } from "../../../policy/types.ts";
import { record } from "../testing/records.ts";
import { ReplayPolicy } from "./decide.ts";

/** Facts as a gate has them: everything known; what an arbitrary leaves open is that of an ordinary mail. */
function whole(facts: Facts): Facts {
  const said = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
  const { cleaned: _, deleted: __, ...known } = { ...MAIL, ...said };
  const { client = null, clientName = null, helo = null, user = null } = known;
  return { ...known, client, clientName, helo, user, size: 1 };
}

const NO_SCAN: Partial<Facts> = {
  headers: undefined,
  subject: undefined,
  attachments: undefined,
  ambiguities: undefined,
  status: undefined,
  findings: undefined,
  notScanned: undefined,
  enginesFailed: undefined,
  spamScore: undefined,
  spamSymptoms: undefined,
};

/** The entry that the gate would have written, with these fields of the header kept. */
function entry(facts: Facts, headerNames: readonly string[]): MessageRecord {
  const { agent, listener, time, client, clientName, helo, user, sender, recipient } = facts;
  return record({
    agent,
    listener,
    time,
    size: 1,
    envelope: {
      sender: sender ?? "",
      recipients: [recipient ?? ""],
      ...(client === null || client === undefined ? {} : { client }),
      ...(clientName === null || clientName === undefined ? {} : { clientName }),
      ...(helo === null || helo === undefined ? {} : { helo }),
      ...(user === null || user === undefined ? {} : { user }),
    },
    findings: (facts.findings ?? []).map((name) => ({ name, part: "1", engine: "builtin" })),
    notScanned: facts.notScanned ?? [],
    engines: (facts.enginesFailed ?? []).map((name) => ({
      name,
      status: "notScanned",
      reason: "time",
      ms: 1,
    })),
    ambiguities: (facts.ambiguities ?? []) as MessageRecord["ambiguities"],
    spamScore: facts.spamScore ?? 0,
    attachments: facts.attachments ?? [],
    known: {
      tls: facts.tls ?? false,
      ...(facts.direction === undefined ? {} : { direction: facts.direction }),
    },
    scan: {
      status: facts.status ?? "clean",
      headerNames,
      headers: (facts.headers ?? []).filter(({ name }) => headerNames.includes(name.toLowerCase())),
      spamSymptoms: facts.spamSymptoms ?? [],
    },
    ...(facts.subject === null || facts.subject === undefined ? {} : { subject: facts.subject }),
  });
}

Deno.test("a replay that decides, decides as the policy does that knows everything", () => {
  let decided = 0;
  let unknown = 0;
  fc.assert(
    fc.property(
      policyArbitrary,
      fc.array(factsArbitrary, { minLength: 5, maxLength: 5 }),
      fc.nat(),
      (
        document,
        mails,
        kept,
      ) => {
        const tree = compilePolicy(document);
        const policy = new ReplayPolicy(tree, document);
        for (const [i, mail] of mails.entries()) {
          const facts = whole(mail);
          const names = tree.headers.filter((_, place) => ((kept >> place) & 1) === 1);
          const made = entry(facts, names);
          if (facts.subject === null) delete (made as { subject?: string }).subject;
          const [replayed] = policy.decide(made);
          if (replayed?.kind !== "decided") {
            unknown++;
            continue;
          }
          decided++;
          // What is final before the scan is not scanned.
          const early = decide(tree, "recipient", facts);
          const full = early.final
            ? decide(tree, "verdict", { ...facts, ...NO_SCAN })
            : decide(tree, "verdict", facts);
          const telling = ({ action, redirect, quarantine, by }: typeof full) => ({
            action,
            redirect,
            quarantine,
            by,
          });
          assert.deepEqual(telling(replayed.outcome), telling(full), `mail ${i}`);
        }
      },
    ),
    { numRuns: 1500, verbose: false },
  );
  assert.ok(decided > 1000 && unknown > 100, `${decided} decided, ${unknown} not`);
});

import assert from "node:assert/strict";
import { ScriptedHop } from "../agents/smtp/testing/scripted_hop.ts";
import type { QuarantineEntry } from "../store/types.ts";
import { deliverReleased } from "./release.ts";

const MESSAGE = new TextEncoder().encode("Subject: x\r\n\r\ny\r\n");
const BASE = ["PIPELINING", "8BITMIME"];

const rows: { name: string; features: string[]; closesAt: RegExp; code: string }[] = [
  { name: "before the message", features: BASE, closesAt: /^RCPT/, code: "wire/closed" },
  { name: "behind DATA", features: BASE, closesAt: /^DATA-END/, code: "quarantine/unknown" },
  {
    name: "behind BDAT",
    features: [...BASE, "CHUNKING"],
    closesAt: /^DATA-END/,
    code: "quarantine/unknown",
  },
];
for (const { name, features, closesAt, code } of rows) {
  Deno.test(`a release that breaks off ${name} ends with ${code}`, async () => {
    await using hop = new ScriptedHop({
      features,
      answer: (line) => closesAt.test(line) ? "close" : undefined,
    });
    const deliver = deliverReleased(() => Promise.resolve({ hostname: "here.test" }));
    await assert.rejects(
      deliver({
        nextHop: `smtp://127.0.0.1:${hop.port}`,
        sender: "a@example.org",
        recipients: ["b@example.net"],
        message: MESSAGE,
        entry: {} as QuarantineEntry,
      }),
      { code },
    );
  });
}

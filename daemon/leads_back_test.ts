import assert from "node:assert/strict";
import { leadsBack } from "./leads_back.ts";

const NAMES: Readonly<Record<string, readonly string[]>> = {
  "gate.test": ["192.0.2.1", "2001:db8::1"],
  "mail.test": ["192.0.2.2"],
};
const SURROUNDINGS = {
  addressesOf: (name: string) => Promise.resolve(NAMES[name] ?? []),
  interfaces: () => ["127.0.0.1", "::1", "192.0.2.1", "fe80::1%eth0"],
};

const rows: { hop: string; own: string; back: boolean }[] = [
  { hop: "smtp://127.0.0.1:25", own: "127.0.0.1:25", back: true },
  { hop: "lmtp://127.0.0.1:25", own: "127.0.0.1:25", back: true },
  { hop: "smtp://127.0.0.1:26", own: "127.0.0.1:25", back: false },
  { hop: "smtp://localhost:25", own: "127.0.0.1:25", back: true },
  { hop: "smtp://LOCALHOST:25", own: "[::1]:25", back: true },
  { hop: "smtp://localhost:25", own: "192.0.2.1:25", back: false },
  { hop: "smtp://127.0.0.2:25", own: "127.0.0.1:25", back: false },
  { hop: "smtp://127.0.0.2:25", own: "*:25", back: true },
  { hop: "smtp://0.0.0.0:25", own: "0.0.0.0:25", back: true },
  { hop: "smtp://[::ffff:127.0.0.1]:25", own: "127.0.0.1:25", back: true },
  { hop: "smtp://[0:0:0:0:0:0:0:1]:25", own: "[::1]:25", back: true },
  { hop: "smtp://gate.test:25", own: "192.0.2.1:25", back: true },
  { hop: "smtp://gate.test:25", own: "[::]:25", back: true },
  { hop: "smtp://mail.test:25", own: "*:25", back: false },
  { hop: "smtp://unknown.test:25", own: "*:25", back: false },
  { hop: "lmtp:unix:/run/a", own: "unix:/run/a", back: true },
  { hop: "lmtp:unix:/run/b", own: "unix:/run/a", back: false },
  { hop: "smtp://127.0.0.1:25", own: "fd:smtp", back: false },
  { hop: "maildir:/var/mail", own: "*:25", back: false },
];
for (const { hop, own, back } of rows) {
  Deno.test(
    `leadsBack() of ${hop} and a listener on ${own}: ${back}`,
    { permissions: "none" },
    async () => assert.equal(await leadsBack(hop, ["127.0.0.1:9", own], SURROUNDINGS), back),
  );
}

Deno.test("leadsBack() asks the system", async () => {
  assert.equal(await leadsBack("smtp://localhost:25", ["*:25"]), true);
  await assert.rejects(leadsBack("nowhere", []), { code: "document/invalid" });
});

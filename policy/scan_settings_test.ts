import assert from "node:assert/strict";
import { compilePolicy } from "./compile.ts";
import { decide } from "./decide.ts";
import { scanSettings } from "./scan_settings.ts";
import { MAIL } from "./testing/mail.ts";

Deno.test("scanSettings() is nothing where all outcomes are final", { permissions: "none" }, () => {
  const tree = compilePolicy({
    rules: [{ when: { sender: "@sender.example" }, then: { action: "accept" } }],
  });
  assert.equal(scanSettings([decide(tree, "recipient", MAIL)], tree, "mail"), undefined);
});

Deno.test("scanSettings() scans for whoever wants it, with the widest limits", {
  permissions: "none",
}, () => {
  const tree = compilePolicy({
    rules: [{ when: { header: { name: "X-Loop" } }, then: { action: "reject" } }],
    groups: {
      a: {
        recipients: ["@a.example"],
        settings: {
          antivirus: { action: "accept" },
          limits: { archiveLevels: 3, scanTime: "60s" },
        },
      },
      b: {
        recipients: ["@b.example"],
        settings: { antispam: { action: "accept" }, limits: { archiveLevels: 20 } },
      },
    },
  });
  const outcomes = ["x@a.example", "x@b.example"].map((recipient) =>
    decide(tree, "recipient", { ...MAIL, recipient })
  );
  assert.deepEqual(scanSettings(outcomes, tree, "mail"), {
    mode: "mail",
    antivirus: true,
    antispam: true,
    limits: {
      messageOctets: 50 * 1024 ** 2,
      depth: 20,
      files: 10_000,
      octets: 100 * 1024 ** 2,
      ratio: 1000,
      timeMs: 60_000,
    },
    headers: ["x-loop"],
  });
  assert.equal(scanSettings(outcomes.slice(0, 1), tree, "mail")?.antivirus, false);
});

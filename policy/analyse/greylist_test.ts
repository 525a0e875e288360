import assert from "node:assert/strict";
import { analysePolicy } from "../analyse.ts";
import { checkPolicy } from "../check_policy.ts";
import { compilePolicy } from "../compile.ts";

const DELAY = { greylist: { action: "delay" } };
const found = (...rules: object[]) => {
  const document = { rules };
  return analysePolicy(checkPolicy(document), compilePolicy(document)).findings
    .filter(({ kind }) => kind === "idle-greylist").map(({ path, message }) =>
      `${path}: ${message}`
    );
};

const idle: { name: string; rule: object; want: RegExp }[] = [
  {
    name: "a gate that sees mail after it was accepted",
    rule: { when: { agent: ["pop3", "imap"] }, then: DELAY },
    want: /rules\[0\]\.then\.greylist\.action: .* smtp, milter, delegation/,
  },
  {
    name: "the null sender",
    rule: { when: { sender: "<>" }, then: { greylist: { delay: "1m" } } },
    want: /rules\[0\]\.then\.greylist\.delay: /,
  },
  {
    name: "who has logged in",
    rule: { when: { user: { present: true } }, then: DELAY },
    want: /outside/,
  },
  {
    name: "mail from inside",
    rule: { when: { direction: "outbound" }, then: DELAY },
    want: /outside/,
  },
  {
    name: "what only the content tells",
    rule: { when: { sender: "@a.example", subject: "*cheap*" }, then: DELAY },
    want: /known only later/,
  },
  {
    name: "an exception that comes too late",
    rule: { when: { dkim: "pass" }, then: { greylist: { action: "pass" } } },
    want: /known only later/,
  },
];
for (const { name, rule, want } of idle) {
  Deno.test(`analysePolicy() finds greylisting of ${name}`, { permissions: "none" }, () => {
    const [one, ...others] = found(rule);
    assert.match(one ?? "", want);
    assert.deepEqual(others, []);
  });
}

Deno.test(
  "analysePolicy() says nothing of greylisting that has a use",
  { permissions: "none" },
  () => {
    assert.deepEqual(
      found(
        { when: { sender: "<>" }, then: { greylist: { action: "pass" } } },
        { when: { spf: "pass" }, then: { greylist: { action: "pass" } } },
        { when: { any: [{ sender: "@a.example" }, { subject: "*x*" }] }, then: DELAY },
        { when: { agent: ["pop3", "milter"], listener: "in" }, then: DELAY },
        { when: { client: "192.0.2.0/24" }, then: { greylist: { proven: 0 } } },
        { then: { ...DELAY, antivirus: { ambiguous: "pass" } } },
      ),
      [],
    );
  },
);

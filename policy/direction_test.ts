import assert from "node:assert/strict";
import { compilePolicy } from "./compile.ts";
import { directionOf } from "./direction.ts";

const tree = compilePolicy({
  local: {
    domains: ["Example.org", "*.example.org", "bücher.example"],
    networks: ["192.0.2.0/24", "2001:db8::/32"],
  },
});

const cases: { name: string; mail: Parameters<typeof directionOf>[1]; want: string }[] = [
  {
    name: "from outside to us",
    mail: { client: "198.51.100.1", sender: "a@else.example", recipient: "b@example.org" },
    want: "inbound",
  },
  {
    name: "from outside, with our name",
    mail: { client: "198.51.100.1", sender: "a@example.org", recipient: "b@example.org" },
    want: "inbound",
  },
  {
    name: "from inside to elsewhere",
    mail: { client: "192.0.2.7", sender: "a@example.org", recipient: "b@else.example" },
    want: "outbound",
  },
  {
    name: "from inside to us",
    mail: { client: "2001:db8::7", sender: "a@example.org", recipient: "b@SUB.example.ORG" },
    want: "internal",
  },
  {
    name: "logged in from anywhere",
    mail: { client: "198.51.100.1", user: "ann", sender: "", recipient: "b@else.example" },
    want: "outbound",
  },
  {
    name: "without client, by the sender",
    mail: { client: null, sender: "a@xn--bcher-kva.example", recipient: "b@else.example" },
    want: "outbound",
  },
  {
    name: "without client, from elsewhere",
    mail: { sender: "a@else.example", recipient: "b@else.example" },
    want: "inbound",
  },
  {
    name: "null sender without client",
    mail: { sender: "", recipient: "b@example.org" },
    want: "inbound",
  },
];

for (const { name, mail, want } of cases) {
  Deno.test(`directionOf() ${name} is ${want}`, { permissions: "none" }, () => {
    assert.equal(directionOf(tree, mail), want);
  });
}

import assert from "node:assert/strict";
import fc from "fast-check";
import { openStore } from "../store/store.ts";
import { askGreylist, clientNetwork, steadySender } from "./greylist.ts";

const networks: [string, string | undefined][] = [
  ["192.0.2.7", "192.0.2.0/24"],
  ["255.255.255.255", "255.255.255.0/24"],
  ["::ffff:192.0.2.7", "192.0.2.0/24"],
  ["192.0.2.0/24", "192.0.2.0/24"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8::/64"],
  ["2001:db8::/64", "2001:db8::/64"],
  ["fe80::1%eth0", "fe80::/64"],
  ["::1", "::/64"],
  ["0:0:0:7::1", "0:0:0:7::/64"],
  ["unknown", undefined],
  ["", undefined],
];
for (const [client, want] of networks) {
  Deno.test(`clientNetwork() of ${JSON.stringify(client)}`, { permissions: "none" }, () => {
    assert.equal(clientNetwork(client), want);
    if (want !== undefined) assert.equal(clientNetwork(want), want);
  });
}

const senders: { name: string; same: string[]; want: string }[] = [
  { name: "case", same: ["Ann@Sender.TEST", "ANN@sender.test"], want: "ann@sender.test" },
  { name: "an extension", same: ["ann+list@s.test", "ann+x=y.test@s.test"], want: "ann@s.test" },
  {
    name: "VERP by number",
    same: ["bounce-123-7-ann=here.test@l.test", "bounce-9-81-ann=here.test@l.test"],
    want: "bounce-#-#-ann=here.test@l.test",
  },
  {
    name: "identifiers",
    same: [
      "010001926b7d4f6c-0a1b2c3d-000000@mail.test",
      "0100019abcdef012-deadbee1-000000@mail.test",
    ],
    want: "#-#-#@mail.test",
  },
  {
    name: "what may be a name stays",
    same: ["5e6f-deadbeef@mail.test"],
    want: "5e6f-deadbeef@mail.test",
  },
  {
    name: "BATV",
    same: ["prvs=0123abcdef=ann@s.test", "prvs=9870fedcba=ann@s.test", "ann@s.test"],
    want: "ann@s.test",
  },
  { name: "BATV in its older order", same: ["prvs=ann/0123abcdef@s.test"], want: "ann@s.test" },
  {
    name: "what others made of BATV",
    same: ["msprvs1=17abcd123=ann@s.test", "btv1==0123456789a==ann@s.test"],
    want: "ann@s.test",
  },
  {
    name: "SRS",
    same: ["SRS0=aBcD=5X=far.test=ann@fwd.test", "srs0=zzzz=6y=far.test=ann@fwd.test"],
    want: "srs0=far.test=ann@fwd.test",
  },
  {
    name: "SRS twice",
    same: [
      "SRS1=HHH=one.test==aBcD=5X=far.test=ann@fwd.test",
      "SRS1=GGG=one.test==eFgH=6Y=far.test=ann@fwd.test",
    ],
    want: "srs1=far.test=ann@fwd.test",
  },
  { name: "a name with a number stays", same: ["ann1984@s.test"], want: "ann1984@s.test" },
  { name: "a name that begins with a plus", same: ["+ann@s.test"], want: "+ann@s.test" },
  { name: "no domain", same: ["Postmaster"], want: "postmaster" },
];
for (const { name, same, want } of senders) {
  Deno.test(`steadySender(): ${name}`, { permissions: "none" }, () => {
    for (const sender of same) assert.equal(steadySender(sender), want);
  });
}

Deno.test("steadySender() keeps the domain, and what makes no difference makes none", () => {
  const local = fc.stringMatching(/^[a-z][a-z.]{0,10}$/);
  const tag = fc.stringMatching(/^[0-9]{4}[0-9a-f]{6}$/);
  const number = fc.nat();
  fc.assert(fc.property(local, tag, tag, number, number, (user, one, other, n, m) => {
    const at = `@Some.${user.replace(/\.+/g, "")}.test`;
    assert.equal(
      steadySender(`prvs=${one}=${user}${at}`),
      steadySender(`PRVS=${other}=${user}${at}`),
    );
    assert.equal(steadySender(`${user}-${n}-x${at}`), steadySender(`${user}-${m}-x${at}`));
    assert.equal(steadySender(`${user}+${one}${at}`), steadySender(`${user}${at}`));
    assert.equal(steadySender(`${user}${at}`), `${user}${at}`.toLowerCase());
  }));
  fc.assert(fc.property(fc.string(), fc.string({ maxLength: 20 }), (text, domain) => {
    const name = domain.replaceAll("@", "");
    const steady = steadySender(`${text}@${name}`);
    assert.ok(steady.endsWith(`@${name.toLowerCase()}`));
    assert.equal(steady, steadySender(`${text}@${name}`.toLowerCase()));
  }));
});

Deno.test(
  "steadySender() takes time in proportion, whatever it is given",
  { permissions: "none" },
  () => {
    for (const part of ["prvs=", "prvs=a=", "srs0=", "a/", "=", "1a", "+", "btv1=="]) {
      assert.ok(steadySender(`${part.repeat(8000 / part.length)}@s.test`).endsWith("@s.test"));
    }
  },
);

Deno.test("askGreylist() knows a client by its network and a sender by what stays, and counts", async () => {
  let now = 1_800_000_000_000;
  const store = await openStore(":memory:", { now: () => now });
  const counted: Record<string, number> = {};
  const host = {
    store,
    count: (counters: Readonly<Record<string, number>>) => {
      for (const [name, by] of Object.entries(counters)) counted[name] = (counted[name] ?? 0) + by;
    },
  };
  const terms = { delay: 60_000, window: 1e8, keep: 1e9, proven: 5 };
  const ask = (client: string, sender: string, recipient: string) =>
    askGreylist(host, { client, sender, recipient, terms });
  assert.equal(await ask("192.0.2.7", "prvs=0001aaaaaa=Ann@s.test", "Bob@here.test"), 60_000);
  now += 60_000;
  assert.equal(await ask("192.0.2.99", "prvs=0002bbbbbb=ann@S.test", "bob@HERE.test"), 0);
  assert.equal(await ask("192.0.3.7", "ann@s.test", "bob@here.test"), 60_000);
  assert.equal(await ask("no address", "ann@s.test", "bob@here.test"), 0);
  assert.deepEqual(counted, { "greylist.first": 2, "greylist.again": 1 });
  const [day] = await store.statistics("day", 0);
  assert.deepEqual(day?.counters, counted);
  await store.close();
});

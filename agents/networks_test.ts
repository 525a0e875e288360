import assert from "node:assert/strict";
import { addressesOf, inNetworks } from "./networks.ts";

Deno.test("inNetworks() authorises only whom it names", { permissions: "none" }, () => {
  const networks = ["127.0.0.1", "192.0.2.0/24", "2001:db8::/32", "nonsense"];
  for (const yes of ["127.0.0.1", "::ffff:127.0.0.1", "192.0.2.200", "2001:db8:1::1"]) {
    assert.ok(inNetworks(yes, networks), yes);
  }
  for (const no of ["127.0.0.2", "192.0.3.1", "2001:db9::1", "", "x"]) {
    assert.ok(!inNetworks(no, networks), no);
  }
  assert.ok(!inNetworks("127.0.0.1", []));
});

Deno.test("addressesOf() lists an IPv6 network from its first address to its last", {
  permissions: "none",
}, () => {
  assert.deepEqual(addressesOf("2001:db8::ffff:fffe/127", 2), [
    "2001:db8::ffff:fffe",
    "2001:db8::ffff:ffff",
  ]);
  assert.deepEqual(addressesOf("2001:db8::7/128", 1), ["2001:db8::7"]);
  for (const network of ["2001:db8::77/120", "2001:db8::8000:17/116"]) {
    const all = addressesOf(network, 4096);
    assert.equal(all.length, network.endsWith("/120") ? 256 : 4096);
    assert.equal(new Set(all).size, all.length);
    assert.ok(all.every((address) => inNetworks(address, [network])));
  }
  assert.throws(() => addressesOf("2001:db8::/115", 4096), RangeError);
  assert.throws(() => addressesOf("192.0.2.0/30", 4096), RangeError);
});

import assert from "node:assert/strict";
import { inNetworks } from "./networks.ts";

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

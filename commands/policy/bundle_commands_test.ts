/** keygen, build --sign, and a node that takes what its key signed and nothing else. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { policyText, Workplace } from "./testing/program.ts";

Deno.test("policy keygen, build --sign, and a node with that policyKey", async () => {
  await using place = await Workplace.create({ "policy.ts": policyText({ rules: [] }) });
  const made = await place.postern("policy", "keygen", "signing.key", "--json");
  assert.equal(made.status, 0, made.error);
  const { publicKey } = JSON.parse(made.out);
  const { mode } = await Deno.stat(join(place.path, "signing.key"));
  assert.equal((mode ?? 0) & 0o777, 0o600);
  const again = await place.postern("policy", "keygen", "signing.key");
  assert.match(again.error, /signing\.key is there already: a key is never overwritten/);

  const built = await place.postern("policy", "build", "policy.ts", "--sign", "signing.key");
  assert.match(built.out, /policy\.bundle\.json: \d+ octets, policy [0-9a-f]{16}, signed\n/);
  const config = (policy: string) =>
    `export default ${JSON.stringify({ policy: `./${policy}`, policyKey: publicKey })};\n`;
  await place.write({
    "signed.config.ts": config("policy.bundle.json"),
    "plain.config.ts": config("policy.ts"),
    "unsigned.config.ts": config("unsigned.bundle.json"),
  });
  const taken = await place.postern("policy", "check", "--config", "signed.config.ts");
  assert.equal(taken.status, 0, taken.error);
  const plain = await place.postern("policy", "check", "--config", "plain.config.ts");
  assert.equal(plain.status, 78);
  assert.match(plain.error, /policy\.ts: this node's policyKey takes only a policy that ed25519:/);

  await place.postern("policy", "build", "policy.ts", "--out", "unsigned.bundle.json");
  const unsigned = await place.postern("policy", "check", "--config", "unsigned.config.ts");
  assert.match(unsigned.error, /must be signed by ed25519:.*; it is not signed/);
  assert.equal(unsigned.status, 78);
  // What is merely looked at need not be signed yet.
  const candidate = await place.postern("policy", "check", "policy.ts", "-c", "signed.config.ts");
  assert.equal(candidate.status, 0, candidate.error);
});

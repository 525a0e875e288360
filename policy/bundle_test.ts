import assert from "node:assert/strict";
import { isPublicKey, makeSigningKey, readBundle, writeBundle } from "./bundle.ts";
import { type DecisionTree, TREE_VERSION } from "./tree.ts";

const contents = {
  tree: { version: TREE_VERSION, hash: "00" } as unknown as DecisionTree,
  document: { rules: [] },
  path: "policy.ts",
  revision: "0123abc",
  built: 1,
};

Deno.test(
  "readBundle() gives back what was written, and who signed it",
  { permissions: "none" },
  async () => {
    const one = await makeSigningKey();
    const two = await makeSigningKey();
    assert.ok(isPublicKey(one.publicKey));
    const text = await writeBundle(contents, [one.privateKey, two.privateKey]);
    const bundle = await readBundle(text, two.publicKey);
    assert.deepEqual(bundle, { ...contents, signedBy: [one.publicKey, two.publicKey] });
  },
);

Deno.test("readBundle() takes an unsigned bundle only where no key is required", {
  permissions: "none",
}, async () => {
  const text = await writeBundle(contents, []);
  assert.deepEqual((await readBundle(text)).signedBy, []);
  const { publicKey } = await makeSigningKey();
  await assert.rejects(readBundle(text, publicKey), {
    code: "policy/bundle",
    message: `The bundle must be signed by ${publicKey}; it is not signed`,
  });
});

Deno.test(
  "readBundle() refuses another key than the required one",
  { permissions: "none" },
  async () => {
    const one = await makeSigningKey();
    const two = await makeSigningKey();
    const text = await writeBundle(contents, [one.privateKey]);
    await assert.rejects(readBundle(text, two.publicKey), { code: "policy/bundle" });
  },
);

Deno.test("readBundle() refuses every change of one octet", { permissions: "none" }, async () => {
  const { privateKey, publicKey } = await makeSigningKey();
  const text = await writeBundle(contents, [privateKey]);
  for (let at = 0; at < text.length - 1; at++) {
    const changed = text.slice(0, at) + (text[at] === "a" ? "b" : "a") + text.slice(at + 1);
    if (changed === text) continue;
    const bundle = await readBundle(changed, publicKey).catch(() => undefined);
    if (bundle) assert.deepEqual({ ...bundle, signedBy: [] }, { ...contents, signedBy: [] });
  }
});

const refusals: { name: string; text: string; want: RegExp }[] = [
  { name: "no JSON", text: "export default {}", want: /not a policy bundle: it is not JSON/ },
  { name: "other JSON", text: "{}", want: /not a policy bundle: format/ },
  {
    name: "a malformed payload",
    text: JSON.stringify({
      format: "postern-policy-bundle",
      version: 1,
      payload: "{}",
      signatures: [],
    }),
    want: /payload is malformed: tree/,
  },
];
for (const { name, text, want } of refusals) {
  Deno.test(`readBundle() refuses ${name}`, { permissions: "none" }, async () => {
    await assert.rejects(readBundle(text), { code: "policy/bundle", message: want });
  });
}

Deno.test(
  "readBundle() names the version of a tree that it does not read",
  { permissions: "none" },
  async () => {
    const tree = { ...contents.tree, version: 99 } as unknown as DecisionTree;
    await assert.rejects(readBundle(await writeBundle({ ...contents, tree }, [])), {
      code: "policy/version",
      message: /version 99, this program reads 3: build it again from policy.ts/,
    });
  },
);

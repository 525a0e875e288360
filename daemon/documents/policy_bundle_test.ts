import assert from "node:assert/strict";
import { readPolicy } from "../documents.ts";
import { checkConfig } from "../../policy/check_config.ts";
import { makeSigningKey, writeBundle } from "../../policy/bundle.ts";
import { compilePolicy } from "../../policy/compile.ts";
import { decide } from "../../policy/decide.ts";
import { mailFacts, mailSchema } from "../../policy/mail.ts";
import type { TREE_VERSION } from "../../policy/tree.ts";
import type { ErrorCode } from "../../errors.ts";

const DOCUMENT = {
  lists: { blocked: { senders: ["spammer@bad.example"] } },
  rules: [{ name: "blocked", when: { sender: { list: "blocked" } }, then: { action: "reject" } }],
};
const contents = (document: unknown) => ({
  tree: compilePolicy(DOCUMENT),
  document,
  path: "/git/policy.ts",
  revision: "0123456789abcdef0123456789abcdef01234567",
  built: 1,
});

/** A file with this text, read as a policy. */
async function readText(text: string, key?: string, name = "policy.bundle.json") {
  const directory = await Deno.makeTempDir({ prefix: "postern-bundle-" });
  try {
    await Deno.writeTextFile(`${directory}/${name}`, text);
    return await readPolicy(`${directory}/${name}`, 20_000, key);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("readPolicy() takes a bundle and decides by it", async () => {
  const { privateKey, publicKey } = await makeSigningKey();
  for (const key of [undefined, publicKey]) {
    const text = await writeBundle(contents(DOCUMENT), [privateKey]);
    const policy = await readText(text, key);
    assert.equal(policy.hash, compilePolicy(DOCUMENT).hash);
    assert.equal(policy.revision, "0123456789abcdef0123456789abcdef01234567");
    assert.deepEqual(policy.signedBy, [publicKey]);
    assert.deepEqual(policy.document, DOCUMENT);
    const mail = mailSchema.parse({ from: "spammer@bad.example" });
    const facts = mailFacts(mail, "a@b.example", Date.now());
    assert.equal(decide(policy.tree, "verdict", facts).by, "rule:blocked");
  }
});

Deno.test("readPolicy() makes the tree of an unsigned bundle again, and does not believe it", async () => {
  const harmless = compilePolicy({ rules: [] });
  const text = await writeBundle(
    { ...contents(DOCUMENT), tree: { ...harmless, hash: compilePolicy(DOCUMENT).hash } },
    [],
  );
  const { tree } = await readText(text);
  assert.deepEqual(tree.rules.names, ["blocked"]);
});

const ours = await makeSigningKey();
const theirs = await makeSigningKey();
const refused: {
  name: string;
  text: () => Promise<string> | string;
  key?: string;
  file?: string;
  code: ErrorCode;
  says: RegExp;
}[] = [
  {
    name: "an unsigned bundle whose document is not the tree's",
    text: () => writeBundle(contents({ rules: [] }), []),
    code: "policy/bundle",
    says:
      /policy\.bundle\.json: the bundle says that its policy is "[0-9a-f]{16}", but its document/,
  },
  {
    name: "an unsigned bundle where a key is required",
    text: () => writeBundle(contents(DOCUMENT), []),
    key: ours.publicKey,
    code: "policy/bundle",
    says: /policy\.bundle\.json: The bundle must be signed by ed25519:.*; it is not signed/,
  },
  {
    name: "a bundle signed by another key",
    text: () => writeBundle(contents(DOCUMENT), [theirs.privateKey]),
    key: ours.publicKey,
    code: "policy/bundle",
    says: /must be signed by ed25519:.*; it is signed by ed25519:/,
  },
  {
    name: "a bundle that was changed after it was signed",
    text: async () =>
      (await writeBundle(contents(DOCUMENT), [ours.privateKey])).replace("blocked", "blockex"),
    key: ours.publicKey,
    code: "policy/bundle",
    says: /signature by ed25519:.* is false/,
  },
  {
    name: "a plain document where a key is required",
    text: () => `export default { rules: [] };`,
    key: ours.publicKey,
    file: "policy.ts",
    code: "policy/bundle",
    says: /policy\.ts: this node's policyKey takes only a policy that ed25519:.* signed/,
  },
  {
    name: "a bundle of another version",
    text: () => {
      const tree = { ...compilePolicy(DOCUMENT), version: 1 as unknown as typeof TREE_VERSION };
      return writeBundle({ ...contents(DOCUMENT), tree }, []);
    },
    code: "policy/version",
    says: /tree is of version 1, this program reads 3: build it again from \/git\/policy\.ts/,
  },
  {
    name: "a bundle whose document does not check",
    text: () => writeBundle(contents({ rulez: [] }), []),
    code: "document/invalid",
    says: /rulez/,
  },
  { name: "any other JSON", text: () => "{}", code: "policy/bundle", says: /not a policy bundle/ },
];
for (const { name, text, key, file, code, says } of refused) {
  Deno.test(`readPolicy() refuses ${name}`, async () => {
    await assert.rejects(readText(await text(), key, file), { code, message: says });
  });
}

Deno.test("readPolicy() says that there is no such bundle", async () => {
  await assert.rejects(readPolicy("/no/such/policy.bundle.json", 1000), {
    code: "document/unreadable",
    message: /\/no\/such\/policy\.bundle\.json: Cannot read the bundle: there is no such file/,
  });
});

Deno.test("checkConfig() takes a policyKey that is one", { permissions: "none" }, () => {
  assert.equal(checkConfig({ policyKey: ours.publicKey }, "c").policyKey, ours.publicKey);
  assert.throws(() => checkConfig({ policyKey: "ed25519:short" }, "c"), {
    code: "document/invalid",
    message: /policyKey.*policy keygen/s,
  });
});

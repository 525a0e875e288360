/** Dovecot's imaptest scripts: the same answers through the agent as from the server itself. */
import assert from "node:assert/strict";
import { CORPUS, hasCorpus } from "./corpus.ts";
import { startImapGate } from "./imap_gate.ts";
import { peerTest } from "./peers/peer.ts";
import { readScript, runScript } from "./peers/imaptest_script.ts";

/** Scripts of what the agent does not offer: they are not run through it, as imaptest itself would not. */
const WITHHELD = new Set(["catenate", "urlauth-binary"]);

peerTest(["dovecot-imap"], "imaptest's scripts run as they do without the agent", async () => {
  if (!await hasCorpus()) return;
  const folder = `${CORPUS}proto/imaptest`;
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (!/\.(?:mbox|md|txt)$/.test(name)) names.push(name);
  }
  const clean = {
    settings: { antispam: { action: "accept" }, antivirus: { suspicious: "accept" } },
  };
  await using gate = await startImapGate({ users: ["one", "two"], policy: clean });
  let run = 0;
  let asWanted = 0;
  let commands = 0;
  for (const name of names.sort()) {
    const script = await readScript(folder, name);
    const direct = await runScript(script, gate.dovecot.ports.imap, "one");
    const proxied = await runScript(script, gate.port, "two");
    if (WITHHELD.has(name)) {
      assert.equal(proxied, undefined, name);
      continue;
    }
    assert.deepEqual(proxied, direct, name);
    if (!direct) continue;
    run++;
    commands += direct.length;
    if (direct.every(({ wanted, status }) => wanted === "" || wanted === status)) asWanted++;
  }
  console.log(`${run} scripts, ${commands} commands; ${asWanted} scripts end as imaptest wants`);
  assert.ok(run >= 30, `${run} scripts were run`);
  assert.ok(asWanted >= run - 3, `${asWanted} of ${run} scripts end as imaptest wants`);
});

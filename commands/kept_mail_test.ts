/** `postern quarantine` and `postern store` on a store that no daemon has open: what hinders one message, and what is damaged. */
import assert from "node:assert/strict";
import { openStore } from "../store/store.ts";
import { newEntry, someOctets, tamper } from "../store/testing.ts";
import { run } from "../tests/peers/process.ts";
import { POSTERN } from "../tests/program.ts";
import { temporaryDirectory } from "../tests/temporary.ts";

/** Octets of a message: more than a pipe takes, and than a limit of 64 KB for files. */
const SIZE = 300_000;

const environment = {
  PATH: Deno.env.get("PATH") ?? "",
  POSTERN_DENO: Deno.execPath(),
  NO_COLOR: "1",
};

/** A store with two messages, and a configuration that names it. */
async function node() {
  const directory = await temporaryDirectory();
  const { path } = directory;
  const config = {
    state: "./state",
    policy: "./policy.ts",
    agents: [],
    quarantine: { release: `maildir:${path}/Maildir` },
  };
  await Deno.writeTextFile(`${path}/c.ts`, `export default ${JSON.stringify(config)};\n`);
  await Deno.writeTextFile(`${path}/policy.ts`, "export default {};\n");
  await Deno.mkdir(`${path}/state`, { mode: 0o700 });
  const store = await openStore(`${path}/state/store.kv`);
  const ids: string[] = [];
  for (let i = 1; i <= 2; i++) ids.push(await store.putQuarantine(newEntry(), someOctets(SIZE, i)));
  await store.close();
  const [first, second] = ids as [string, string];
  return {
    path,
    first,
    second,
    postern: (...args: string[]) =>
      run(POSTERN, [...args, "--config", `${path}/c.ts`], { environment, cwd: path }),
    /** With a shell's script around it, in which it is "$@". */
    inShell: (script: string, ...args: string[]) =>
      run("/bin/sh", ["-c", script, "sh", POSTERN, ...args, "--config", `${path}/c.ts`], {
        environment,
        cwd: path,
      }),
    history: async (id: string) => {
      const opened = await openStore(`${path}/state/store.kv`);
      const entry = await opened.getQuarantine(id);
      await opened.close();
      return entry?.history.map(({ what }) => what);
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

Deno.test("quarantine release and delete try each message, and fail where one does", async () => {
  await using at = await node();
  const { first, second } = at;
  assert.equal((await at.postern("quarantine", "release", first)).code, 0);
  const both = await at.postern("quarantine", "release", first, "none", second);
  assert.equal(both.code, 1, both.stderr);
  assert.match(both.stderr, new RegExp(`^${first}: NOT released: .*was released to already`, "m"));
  assert.match(both.stderr, /^none: NOT released: There is no quarantined message "none"/m);
  assert.match(both.stdout, new RegExp(`^${second}: released to <b@example\\.net>`, "m"));
  const gone = await at.postern("quarantine", "delete", first, "none", second);
  assert.equal(gone.code, 1);
  assert.equal(gone.stdout, `${first}: deleted\n${second}: deleted\n`);
  assert.match(gone.stderr, /^none: there is no such message/m);
});

Deno.test("quarantine export leaves nothing half written, and notes what was written alone", async () => {
  await using at = await node();
  const { first } = at;
  const limited = `trap '' XFSZ; ulimit -f 128; exec "$@"`;
  const cut = await at.inShell(limited, "quarantine", "export", first, "-o", "out");
  assert.notEqual(cut.code, 0);
  assert.match(cut.stderr, new RegExp(`Cannot write ${at.path}/out: `));
  await assert.rejects(Deno.stat(`${at.path}/out`), Deno.errors.NotFound);
  const unread = `{ "$@"; echo $? >code; } | true`;
  await at.inShell(unread, "quarantine", "export", first, "-o", "-");
  assert.notEqual(await Deno.readTextFile(`${at.path}/code`), "0\n");
  assert.deepEqual(await at.history(first), []);
  assert.equal((await at.postern("quarantine", "export", first, "-o", "out")).code, 0);
  assert.equal((await Deno.stat(`${at.path}/out`)).size, SIZE);
  assert.deepEqual(await at.history(first), ["exported"]);
});

Deno.test("store backup tells what is damaged and not in it, and fails", async () => {
  await using at = await node();
  const whole = await at.postern("store", "backup", "whole");
  assert.deepEqual([whole.code, whole.stderr], [0, ""]);
  await tamper(`${at.path}/state/store.kv`, async (kv) => {
    const [chunk] = await Array.fromAsync(kv.list({ prefix: ["chunk"] }));
    await kv.delete(chunk!.key);
  });
  const damaged = await at.postern("store", "backup", "damaged");
  assert.equal(damaged.code, 1);
  assert.match(damaged.stderr, /^NOT in the backup: .*missing/m);
  assert.match(damaged.stdout, /damaged: 1 entries/);
});

Deno.test("store restore makes the state directory where it is gone", async () => {
  await using at = await node();
  assert.equal((await at.postern("store", "backup", "backup")).code, 0);
  await Deno.remove(`${at.path}/state`, { recursive: true });
  const { code, stderr, stdout } = await at.postern("store", "restore", "backup");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /2 quarantined/);
});

Deno.test("pipe defers where nobody reads what it writes", async () => {
  await using at = await node();
  const args = ["pipe", "--standalone", "--policy", "policy.ts", "b@example.net"];
  const script = `{ printf 'Subject: x\\n\\ny\\n' | "$@"; echo $? >code; } | true`;
  await run("/bin/sh", ["-c", script, "sh", POSTERN, ...args], { environment, cwd: at.path });
  assert.equal(await Deno.readTextFile(`${at.path}/code`), "75\n");
});

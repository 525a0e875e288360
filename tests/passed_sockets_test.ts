/** Listening on sockets that another program has opened, as systemd does it: LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES. */
import assert from "node:assert/strict";
import { makeCertificates } from "../agents/smtp/testing/certificates.ts";
import { NAMES_UNIX_SOCKETS } from "../agents/unix_sockets.ts";
import { ControlClient } from "../daemon/control/client.ts";
import type { DaemonStatus } from "../daemon/status.ts";
import { peerTest } from "./peers/peer.ts";
import { Process } from "./peers/process.ts";
import { SmtpClient } from "./peers/smtp_client.ts";
import { processTree } from "./processes.ts";
import { POSTERN } from "./program.ts";
import { temporaryDirectory } from "./temporary.ts";
import { freePort, until } from "./wait.ts";

/** Opens a TCP socket and one in the file system, writes the port, and becomes the program, with both as descriptors 3 and 4. */
const LAUNCHER = `
import os, socket, sys
directory, pid, program = sys.argv[1], sys.argv[2], sys.argv[3:]
tcp = socket.socket(); tcp.bind(("127.0.0.1", 0)); tcp.listen(64)
near = socket.socket(socket.AF_UNIX); near.bind(directory + "/passed.sock"); near.listen(64)
os.chmod(directory + "/passed.sock", 0o666)
a, b = os.dup(tcp.fileno()), os.dup(near.fileno())
a, b = os.dup2(a, 23), os.dup2(b, 24)
os.dup2(23, 3, inheritable=True); os.dup2(24, 4, inheritable=True)
os.closerange(5, 64)
with open(directory + "/port.new", "w") as file: file.write(str(socket.socket(fileno=os.dup(3)).getsockname()[1]))
os.rename(directory + "/port.new", directory + "/port")
os.environ.update(LISTEN_PID=pid or str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="mail:advice")
os.execv(program[0], program)
`;

const hasPython = await new Deno.Command("python3", { args: ["--version"], stdout: "null" })
  .output().then(({ success }) => success, () => false);
const ignore = Deno.build.os !== "linux" || !hasPython;
/** Deno 2.9 names sockets in permissions, and listens on descriptors. */
const newer = NAMES_UNIX_SOCKETS;

/** Listens as systemd does for a socket unit, without systemd: of its Debian package. */
const ACTIVATE = "systemd-socket-activate";

const MESSAGE = new TextEncoder().encode(`Subject: x\r\n\r\n${"Hello\r\n".repeat(20_000)}`);

const AGENT = { agent: "smtp", listen: "fd:mail", nextHop: "maildir:./state/one" };

type Agent = Readonly<Record<string, unknown>>;

interface Start {
  /** What LISTEN_PID says, where it is not this process. */
  readonly pid?: string;
  /** The port that systemd's own program opens, and starts the daemon when somebody comes; without it a script of ours does. */
  readonly activated?: number;
}

/** What opens the sockets, and becomes the program. */
function launch(path: string, { pid = "", activated }: Start): [string, ...string[]] {
  if (activated === undefined) return ["python3", "-c", LAUNCHER, path, pid];
  const sockets = [`--listen=127.0.0.1:${activated}`, `--listen=${path}/passed.sock`];
  return [ACTIVATE, ...sockets, "--fdname=mail:advice", "--setenv=POSTERN_DENO"];
}

/** The daemon, started as by a socket unit. */
async function daemon(agents: readonly Agent[], options: Start = {}) {
  const directory = await temporaryDirectory();
  const { path } = directory;
  // As root the daemon becomes another user, who makes his state here.
  await Deno.chmod(path, 0o777);
  const config = `${path}/postern.config.ts`;
  const write = (agents: readonly Agent[]) =>
    Deno.writeTextFile(
      config,
      `export default ${
        JSON.stringify({ hostname: "g.test", scanners: { processes: 1 }, agents })
      };`,
    );
  await write(agents);
  await Deno.writeTextFile(`${path}/policy.ts`, "export default {};");
  const [command, ...args] = launch(path, options);
  const process = new Process(
    "postern",
    command,
    [...args, POSTERN, "daemon", "--config", config],
    { env: { POSTERN_DENO: Deno.execPath() } },
  );
  const call = async (op: string) => {
    const control = await ControlClient.connect(`${path}/state/control.sock`);
    try {
      return (await control.call(op)).result;
    } finally {
      control.close();
    }
  };
  return {
    path,
    process,
    write,
    call,
    port: async () => Number(await until("the port", () => read(`${path}/port`))),
    running: () =>
      process.ready("the control socket", () => call("status").then(() => true, () => false)),
    status: async () => (await call("status")) as DaemonStatus,
    mails: async (box: string) => {
      let count = 0;
      try {
        for await (const _ of Deno.readDir(`${path}/state/${box}/new`)) count++;
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      return count;
    },
    async [Symbol.asyncDispose]() {
      await process.stop(40_000);
      await directory[Symbol.asyncDispose]();
    },
  };
}

const read = (path: string) => Deno.readTextFile(path).catch(() => undefined);

async function send(port: number): Promise<number> {
  const client = await SmtpClient.connect(port);
  await client.ehlo();
  const reply = await client.send({
    sender: "a@example.org",
    recipients: ["b@example.com"],
    message: MESSAGE,
  });
  await client.quit();
  return reply.code;
}

/** Only to hear the greeting: 250 where all goes as it should. */
async function greet(port: number): Promise<number> {
  const client = await SmtpClient.connect(port);
  const { code } = await client.ehlo();
  await client.quit();
  return code;
}

/** What a client on the socket in the file system is answered. */
async function ask(path: string): Promise<string> {
  using conn = await Deno.connect({ transport: "unix", path: `${path}/passed.sock` });
  await conn.write(new TextEncoder().encode("zPING\0"));
  const buffer = new Uint8Array(64);
  return new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
}

/** Descriptors of a process that are a socket which another of its descriptors is. */
async function sameAs(pid: number, fd: number): Promise<number> {
  const socket = await Deno.readLink(`/proc/${pid}/fd/${fd}`);
  let count = 0;
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
    if (await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => "") === socket) count++;
  }
  return count;
}

Deno.test(
  "agents listen on passed sockets, and a reload that replaces a worker loses nobody",
  { ignore: ignore || !newer },
  async () => {
    const mail = (box: string) => ({
      agent: "smtp",
      name: "mail",
      listen: "fd:mail",
      nextHop: `maildir:./state/${box}`,
    });
    const advice = { agent: "clamd", listen: "fd:4" };
    await using at = await daemon([mail("one"), advice]);
    await at.running();
    const port = await at.port();
    const { agents, pid } = await at.status();
    assert.deepEqual(agents.map(({ addresses }) => addresses), [
      [`127.0.0.1:${port}`],
      [`unix:${at.path}/passed.sock`],
    ]);
    assert.deepEqual(agents[0]?.permissions.net, []);
    assert.equal(await send(port), 250);
    assert.equal(await ask(at.path), "PONG\0");
    assert.equal(await at.mails("one"), 1);

    // No child has any of them: neither the sockets nor the duplicates.
    const socket = await Deno.readLink(`/proc/${pid}/fd/3`);
    for (const child of (await processTree(pid)).slice(1)) {
      for await (const { name } of Deno.readDir(`/proc/${child.pid}/fd`)) {
        const file = await Deno.readLink(`/proc/${child.pid}/fd/${name}`).catch(() => "");
        assert.notEqual(file, socket, `${child.command} has the passed socket`);
      }
    }

    // A session goes on at the old worker while new ones come to the next: another Maildir takes another worker.
    const old = await SmtpClient.connect(port);
    await old.ehlo();
    assert.equal((await old.command("MAIL FROM:<a@example.org>")).code, 250);
    let stop = false;
    const repeat = async (visit: () => Promise<number>) => {
      const all: number[] = [];
      while (!stop) all.push(await visit());
      return all;
    };
    const codes = Promise.all([
      ...Array.from({ length: 2 }, () => repeat(() => send(port))),
      ...Array.from({ length: 6 }, () => repeat(() => greet(port))),
    ]);
    for (const box of ["two", "three", "four"]) {
      await at.write([mail(box), advice]);
      await at.call("reload");
      const before = await at.mails(box);
      await until(`mail in ${box}`, async () => await at.mails(box) > before);
      if (box !== "two") continue;
      const mails = await at.mails("one");
      assert.equal((await old.command("RCPT TO:<b@example.com>")).code, 250);
      assert.equal((await old.command("DATA")).code, 354);
      assert.equal((await old.command("Subject: y\r\n\r\nHello\r\n.")).code, 250);
      assert.ok(await at.mails("one") > mails);
    }
    stop = true;
    const each = (await codes).flat();
    assert.ok(each.every((code) => code === 250), `${each}`);
    assert.equal(await send(port), 250);
    assert.equal(await at.mails("four") > 0, true);
    // The original and the duplicate of the worker that there is.
    await until("the others to be closed", async () => await sameAs(pid, 3) === 2);
    const { agents: after } = await at.status();
    assert.equal(after[0]?.state, "running");

    await at.write([mail("four"), { agent: "clamd", name: "other", listen: "fd:mail" }]);
    await assert.rejects(at.call("reload"), /"mail" listens on the same socket/);
    await at.write([{ ...mail("four"), listen: "fd:smtp" }]);
    await assert.rejects(
      at.call("reload"),
      /none of that name; these were passed: fd:mail, fd:advice/,
    );
    await at.write([{ ...mail("four"), listen: "fd:5" }]);
    await assert.rejects(at.call("reload"), /descriptors 3 to 4 were passed/);
    assert.equal(await send(port), 250);
  },
);

if (newer) {
  peerTest(
    [ACTIVATE],
    "the client whose connection has systemd start the daemon is served",
    async () => {
      const activated = freePort();
      const advice = { agent: "clamd", listen: "fd:advice" };
      await using at = await daemon([AGENT, advice], { activated });
      await at.process.ready(
        "the socket",
        () => Deno.stat(`${at.path}/passed.sock`).catch(() => false),
      );
      // Nothing of Postern runs before somebody comes, and that one is not sent away.
      assert.equal(await at.call("status").catch(() => undefined), undefined);
      assert.equal(await send(activated), 250);
      assert.equal(await at.mails("one"), 1);
      assert.equal(await ask(at.path), "PONG\0");
      const { agents } = await at.status();
      assert.deepEqual(agents[0]?.addresses, [`127.0.0.1:${activated}`]);
    },
  );
}

Deno.test("STARTTLS on a passed socket", { ignore: ignore || !newer }, async () => {
  const { ca, certificate, key } = await makeCertificates();
  await using files = await temporaryDirectory();
  const tls = { certificate: `${files.path}/chain.pem`, key: `${files.path}/key.pem` };
  await Deno.writeTextFile(tls.certificate, certificate);
  await Deno.writeTextFile(tls.key, key);
  await using at = await daemon([{ ...AGENT, tls }]);
  await at.running();
  const client = await SmtpClient.connect(await at.port());
  await client.ehlo();
  assert.equal((await client.startTls(ca)).code, 250);
  const reply = await client.send({
    sender: "a@example.org",
    recipients: ["b@example.com"],
    message: MESSAGE,
  });
  assert.equal(reply.code, 250);
  await client.quit();
});

Deno.test(
  "a socket that is passed to another process is none",
  { ignore: ignore || !newer },
  async () => {
    await using at = await daemon(
      [AGENT],
      { pid: "1" },
    );
    await until("the error", () => /LISTEN_PID says process 1/.test(at.process.output), {
      more: () => at.process.output,
    });
  },
);

Deno.test("a runtime that cannot do it says so", { ignore: ignore || newer }, async () => {
  await using at = await daemon([AGENT]);
  const says = /"smtp" on fd:mail: Deno [\d.]+ cannot listen on a socket that is passed to it/;
  await until("the error", () => says.test(at.process.output), { more: () => at.process.output });
});

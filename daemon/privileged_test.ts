/** What root's start of the daemon does. Needs root and setpriv; where they are not, nothing is tried. */
import assert from "node:assert/strict";
import { makeCertificates } from "../agents/smtp/testing/certificates.ts";
import { upgradesOverStreams } from "../agents/tls.ts";
import { Process, run } from "../tests/peers/process.ts";
import { SmtpClient } from "../tests/peers/smtp_client.ts";
import { isAlive, processTree } from "../tests/processes.ts";
import { POSTERN } from "../tests/program.ts";
import { temporaryDirectory } from "../tests/temporary.ts";
import { freePort, until } from "../tests/wait.ts";
import { findUser, systemTool } from "./confine.ts";
import { ControlClient } from "./control/client.ts";
import type { DaemonStatus } from "./status.ts";

const USER = findUser("postern") ?? findUser("nobody");
const ignore = Deno.uid() !== 0 || systemTool("setpriv") === undefined || USER === undefined;

/** A port below 1024 that nothing listens on. */
function lowPort(): number {
  for (let port = 1023; port > 600; port--) {
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error("No port below 1024 is free");
}

/** A directory with documents, and the daemon on them. */
async function daemon(options: {
  readonly agent?: Readonly<Record<string, unknown>>;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly port?: number;
  /** Before the daemon starts. */
  readonly prepare?: (directory: string) => Promise<void>;
  readonly command?: (config: string) => readonly [string, ...string[]];
  /** Deno to use. */
  readonly deno?: string;
}) {
  const directory = await temporaryDirectory();
  const config = `${directory.path}/postern.config.ts`;
  const port = options.port ?? freePort();
  const value = {
    hostname: "gateway.test",
    scanners: { processes: 1 },
    agents: [{
      agent: "smtp",
      listen: `127.0.0.1:${port}`,
      nextHop: "maildir:./state/Maildir",
      ...options.agent,
    }],
    ...options.config,
  };
  await Deno.writeTextFile(config, `export default ${JSON.stringify(value)};`);
  await Deno.writeTextFile(`${directory.path}/policy.ts`, "export default {};");
  await options.prepare?.(directory.path);
  const [program, ...args] = options.command?.(config) ?? [POSTERN, "daemon", "--config", config];
  const process = new Process("postern", program, args, {
    env: { POSTERN_DENO: options.deno ?? Deno.execPath() },
  });
  const socket = `${directory.path}/state/control.sock`;
  return {
    directory: directory.path,
    process,
    port,
    running: () =>
      process.ready("the control socket", () =>
        ControlClient.connect(socket).then((control) => {
          control.close();
          return true;
        }, () => false)),
    call: async (op: string) => {
      const control = await ControlClient.connect(socket);
      try {
        return (await control.call(op)).result;
      } finally {
        control.close();
      }
    },
    async [Symbol.asyncDispose]() {
      await process.stop(40_000);
      await directory[Symbol.asyncDispose]();
    },
  };
}

async function userOf(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^Uid:\t(\d+)/m.exec(status)?.[1]);
}

async function send(client: SmtpClient): Promise<number> {
  await client.ehlo();
  const reply = await client.send({
    sender: "a@example.org",
    recipients: ["b@example.com"],
    message: new TextEncoder().encode("Subject: x\r\n\r\nHello\r\n"),
  });
  return reply.code;
}

Deno.test(
  "root's process becomes the gateway's, and listens below port 1024",
  { ignore },
  async () => {
    await using at = await daemon({ port: lowPort() });
    await at.running();
    const status = await at.call("status") as DaemonStatus;
    assert.equal(status.pid, at.process.pid, "the process id is the one that was started");
    const tree = await processTree(at.process.pid);
    for (const { pid } of tree) assert.equal(await userOf(pid), USER?.uid);
    const capabilities = await Deno.readTextFile(`/proc/${at.process.pid}/status`);
    assert.match(
      capabilities,
      /^CapEff:\t0000000000000400$/m,
      "to listen below 1024 and nothing else",
    );
    assert.match(capabilities, /^CapBnd:\t0000000000000400$/m);
    assert.match(capabilities, /^NoNewPrivs:\t1$/m);
    const files = await Array.fromAsync(Deno.readDir(`/proc/${at.process.pid}/fd`));
    for (const { name } of files) {
      const target = await Deno.readLink(`/proc/${at.process.pid}/fd/${name}`).catch(() => "");
      assert.doesNotMatch(target, new RegExp(`^${at.directory}/(?!state/)`), "no file of root's");
    }
    using client = await SmtpClient.connect(at.port);
    assert.equal(await send(client), 250);
    assert.equal((await at.process.stop(40_000)).code, 0);
    for (const { pid } of tree) assert.equal(await isAlive(pid), false);
  },
);

Deno.test("a key that only root can read is read before root is given up", {
  ignore: ignore || !upgradesOverStreams(),
}, async () => {
  const made = await makeCertificates();
  await using at = await daemon({
    agent: { tls: { certificate: "./secret/leaf.pem", key: "./secret/leaf.key" } },
    async prepare(directory) {
      await Deno.mkdir(`${directory}/secret`, { mode: 0o700 });
      await Deno.writeTextFile(`${directory}/secret/leaf.pem`, made.certificate);
      await Deno.writeTextFile(`${directory}/secret/leaf.key`, made.key, { mode: 0o600 });
    },
  });
  await at.running();
  const secured = async () => {
    using client = await SmtpClient.connect(at.port);
    await client.ehlo();
    assert.equal((await client.startTls(made.ca)).code, 250);
    assert.equal(await send(client), 250);
  };
  await secured();
  const environment = await Deno.readTextFile(`/proc/${at.process.pid}/environ`);
  assert.ok(!environment.includes("PRIVATE KEY"), "what children would inherit does not have it");
  // What root read goes on, and a reload says that it is not what may stand there now.
  await at.call("reload");
  await until(
    "the warning",
    () => /stay as they were at the start.*leaf\.key/.test(at.process.output),
  );
  await secured();
});

Deno.test("documents that only root can read are refused, by name", { ignore }, async () => {
  await using at = await daemon({
    prepare: (directory) => Deno.chmod(`${directory}/policy.ts`, 0o600),
  });
  const { code } = await at.process.end();
  assert.equal(code, 69, at.process.output);
  assert.match(
    at.process.output,
    new RegExp(`becomes ${USER?.name}, who cannot read .*/policy\\.ts`),
  );
});

Deno.test(
  "a certificate that is not there is refused with its agent's name",
  { ignore },
  async () => {
    await using at = await daemon({ agent: { tls: { certificate: "./no.pem", key: "./no.key" } } });
    assert.notEqual((await at.process.end()).code, 0);
    assert.match(
      at.process.output,
      /tls\.certificate of agent "smtp" names: there is no such file/,
    );
  },
);

Deno.test(
  "where a process cannot be replaced, root's waits and passes signals on",
  { ignore },
  async () => {
    await using tools = await temporaryDirectory();
    // A Deno whose programs may not call the C library.
    const wrapper = `${tools.path}/deno`;
    const flag =
      'for a; do shift; [ "$a" = --allow-all ] && set -- "$@" --deny-ffi; set -- "$@" "$a"; done';
    await Deno.writeTextFile(wrapper, `#!/bin/sh\n${flag}\nexec '${Deno.execPath()}' "$@"\n`);
    await Deno.chmod(wrapper, 0o755);
    await using at = await daemon({ deno: wrapper });
    await at.running();
    const status = await at.call("status") as DaemonStatus;
    assert.notEqual(status.pid, at.process.pid);
    assert.equal(await userOf(at.process.pid), 0);
    assert.equal(await userOf(status.pid), USER?.uid);
    assert.equal((await at.process.stop(40_000)).code, 0);
    assert.equal(await isAlive(status.pid), false);
  },
);

/** A command as it runs where tools are hidden by mounts that nobody else sees. */
function without(
  tools: readonly string[],
  command: readonly string[],
): readonly [string, ...string[]] {
  const mounts = tools.map((tool) => `mount --bind /dev/null ${systemTool(tool)}`).join(" && ");
  const script = `mount --make-rprivate / && ${mounts} && exec "$@"`;
  return [systemTool("unshare") ?? "unshare", "--mount", "sh", "-c", script, "sh", ...command];
}

const canHide = !ignore && systemTool("prlimit") !== undefined &&
  systemTool("unshare") !== undefined &&
  await run(...unpack(without(["prlimit"], ["true"]))).then(({ code }) => code === 0, () => false);

function unpack([program, ...args]: readonly [string, ...string[]]): [string, string[]] {
  return [program, args];
}

Deno.test(
  "without setpriv root is not given up, and that is refused",
  { ignore: !canHide },
  async () => {
    await using at = await daemon({
      command: (config) => without(["setpriv"], [POSTERN, "daemon", "--config", config]),
    });
    assert.equal((await at.process.end()).code, 69, at.process.output);
    assert.match(at.process.output, /setpriv \(package util-linux\) is not installed/);
  },
);

Deno.test("without setpriv or prlimit scanners scan, and the log says what is missing", {
  ignore: !canHide,
}, async (test) => {
  for (const tools of [["setpriv"], ["prlimit"], ["setpriv", "prlimit"]]) {
    await test.step(`no ${tools.join(", no ")}`, async () => {
      await using at = await daemon({
        config: { user: "root" },
        command: (config) => without(tools, [POSTERN, "daemon", "--config", config]),
      });
      await at.running();
      using client = await SmtpClient.connect(at.port);
      assert.equal(await send(client), 250);
      for (const tool of tools) {
        assert.match(at.process.output, new RegExp(`${tool} is not installed`));
      }
      assert.equal((await at.call("status") as DaemonStatus).scanners.user, undefined);
    });
  }
});

/** Postern as the virus scanner of programs that know ClamAV's daemon: clamdscan, amavisd-new, Exim, Rspamd; and beside a real clamd. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { talk } from "../agents/testing/raw_client.ts";
import { makeSample } from "../commands/selftest/samples.ts";
import { startAmavis } from "./peers/amavis.ts";
import { CORPUS, hasCorpus, manifest } from "./corpus.ts";
import { startClamd } from "./peers/clamd.ts";
import { relayTo, startExim } from "./peers/exim.ts";
import { Gateway } from "./gateway.ts";
import { EICAR, ENVELOPE, infectedMail, mail, zippedMail } from "./mail.ts";
import { peer, peerTest } from "./peers/peer.ts";
import { run, type RunResult } from "./peers/process.ts";
import { startRspamd } from "./peers/rspamd.ts";
import { ScriptedSink } from "./peers/scripted_sink.ts";
import { sendMail } from "./peers/smtp_client.ts";
import { temporaryDirectory } from "./temporary.ts";
import { freePort, until } from "./wait.ts";

const POLICY = {
  settings: { antivirus: { infected: "reject", notScanned: "defer" } },
};

const zipped = (id: string) => zippedMail(id, Buffer.from(EICAR), 2);

/** A gateway with a clamd agent on a port and one on a socket, which may scan below `files/`. */
interface Scene extends AsyncDisposable {
  readonly directory: string;
  readonly files: string;
  readonly socket: string;
  readonly gateway: Gateway;
  readonly port: number;
}

async function scene(policy: unknown = POLICY): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  try {
    const directory = stack.use(await temporaryDirectory()).path;
    const files = `${directory}/files`;
    const sockets = `${directory}/run`;
    const socket = `${sockets}/clamd.ctl`;
    await Deno.mkdir(files);
    await Deno.mkdir(sockets);
    // The gateway gives up being root before it listens.
    await Deno.chmod(sockets, 0o777);
    const gateway = stack.use(
      await Gateway.start({
        agents: {
          tcp: { agent: "clamd" },
          unix: {
            agent: "clamd",
            listen: `unix:${socket}`,
            socketMode: "0666",
            directories: [files],
            limits: { streamSize: "1MB" },
          },
        },
        policy,
      }),
    );
    await until("the socket", () => Deno.stat(socket).then(() => true, () => false));
    const owned = stack.move();
    return {
      directory,
      files,
      socket,
      gateway,
      port: gateway.port("tcp"),
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** Files as a test wants them: names and contents. */
async function write(files: string, contents: Readonly<Record<string, string | Uint8Array>>) {
  for (const [name, content] of Object.entries(contents)) {
    const path = `${files}/${name}`;
    await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
    if (typeof content === "string") await Deno.writeTextFile(path, content);
    else await Deno.writeFile(path, content);
  }
}

/** clamdscan with a configuration that names nothing but where to ask. */
async function clamdscan(
  at: Scene,
  where: "tcp" | "unix",
  ...args: readonly string[]
): Promise<RunResult> {
  const configuration = `${at.directory}/clamd-${where}.conf`;
  await Deno.writeTextFile(
    configuration,
    where === "unix"
      ? `LocalSocket ${at.socket}\n`
      : `TCPAddr 127.0.0.1\nTCPSocket ${at.port}\nStreamMaxLength 1M\n`,
  );
  return await run(await peer("clamdscan"), ["-c", configuration, "--no-summary", ...args]);
}

peerTest(
  ["clamdscan"],
  "clamdscan scans streams, files and directories through Postern",
  async () => {
    await using at = await scene();
    await write(at.files, {
      "clean.txt": "clean",
      "eicar.com": EICAR,
      "sub/mail.eml": infectedMail("clamdscan@test"),
      "sub/zip.eml": zipped("zipped@test"),
    });
    const { files } = at;
    const found = (path: string) => `${path}: Eicar-Test-Signature FOUND\n`;
    const infected = [
      found(`${files}/eicar.com`),
      found(`${files}/sub/mail.eml`),
      found(`${files}/sub/zip.eml`),
    ];
    const lines = (text: string) =>
      text.split(/(?<=\n)/).filter((line) => line.trim() !== "").sort();

    for (const where of ["tcp", "unix"] as const) {
      const clean = await clamdscan(at, where, "--stream", `${files}/clean.txt`);
      assert.deepEqual([clean.code, clean.stdout], [0, `${files}/clean.txt: OK\n`], clean.stderr);
      const bad = await clamdscan(at, where, "--stream", `${files}/eicar.com`);
      assert.deepEqual([bad.code, bad.stdout], [1, infected[0]], bad.stderr);
      const all = await clamdscan(at, where, "--stream", "--multiscan", files);
      assert.equal(all.code, 1);
      assert.deepEqual(lines(all.stdout), [...infected].sort());
    }
    const file = await clamdscan(at, "unix", `${files}/eicar.com`);
    assert.deepEqual([file.code, file.stdout], [1, infected[0]]);
    for (const mode of [[], ["--multiscan"], ["--allmatch"]]) {
      const directory = await clamdscan(at, "unix", ...mode, files);
      assert.equal(directory.code, 1, mode.join());
      assert.deepEqual(lines(directory.stdout), [...infected].sort(), mode.join());
    }
    await Deno.remove(`${files}/sub`, { recursive: true });
    await Deno.remove(`${files}/eicar.com`);
    const fine = await clamdscan(at, "unix", files);
    assert.deepEqual([fine.code, fine.stdout], [0, `${files}: OK\n`]);

    const outside = await clamdscan(at, "unix", at.gateway.config);
    assert.deepEqual([outside.code, outside.stdout], [
      2,
      `${at.gateway.config}: Access denied. ERROR\n`,
    ]);
    const paths = await clamdscan(at, "tcp", `${files}/clean.txt`);
    assert.notEqual(paths.code, 1);
    assert.doesNotMatch(paths.stdout, /: OK/);

    await write(files, { "eicar.com": EICAR });
    const descriptor = await clamdscan(at, "unix", "--fdpass", `${files}/eicar.com`);
    assert.equal(descriptor.code, 2);
    assert.match(
      descriptor.stdout,
      /Descriptor passing .* is not supported here, use INSTREAM .* ERROR/,
    );
    const several = await clamdscan(at, "unix", "--fdpass", "--multiscan", files);
    assert.equal(several.code, 2);
    assert.match(several.stdout, /Descriptor passing/);

    const ping = await clamdscan(at, "tcp", "--ping", "1");
    assert.deepEqual([ping.code, ping.stdout], [0, "PONG\n"]);
    assert.match((await clamdscan(at, "tcp", "--version")).stdout, /^Postern \d/);
    const reload = await clamdscan(at, "unix", "--reload");
    assert.notEqual(reload.code, 0);
  },
);

Deno.test("a directory that is named by a link is served by both names, and the worker may read no more", async () => {
  await using directory = await temporaryDirectory();
  const root = await Deno.realPath(directory.path);
  await Deno.mkdir(`${root}/run`);
  await Deno.chmod(`${root}/run`, 0o777);
  await Deno.mkdir(`${root}/files`);
  await Deno.mkdir(`${root}/other`);
  await Deno.symlink(`${root}/files`, `${root}/link`);
  await write(root, { "files/eicar.com": EICAR, "other/eicar.com": EICAR });
  await Deno.symlink(`${root}/other/eicar.com`, `${root}/files/out`);
  await using gateway = await Gateway.start({
    agents: {
      clamd: {
        agent: "clamd",
        listen: `unix:${root}/run/clamd.ctl`,
        directories: [`${root}/link`],
      },
    },
    policy: POLICY,
    config: { user: Deno.uid() === 0 ? "nobody" : "postern" },
  });
  const address = `unix:${root}/run/clamd.ctl`;
  await until("the socket", () => Deno.stat(address.slice(5)).then(() => true, () => false));
  for (const name of ["link", "files"]) {
    const path = `${root}/${name}/eicar.com`;
    assert.equal(await talk(address, `nSCAN ${path}\n`), `${path}: Eicar-Test-Signature FOUND\n`);
  }
  for (const name of ["other/eicar.com", "files/out", "link/../other/eicar.com", "policy.ts"]) {
    const path = `${root}/${name}`;
    assert.equal(await talk(address, `nSCAN ${path}\n`), `${path}: Access denied. ERROR\n`);
  }
  assert.match(gateway.log, new RegExp(`read ${root}/run/clamd.ctl, ${root}/link, ${root}/files;`));
});

Deno.test("MULTISCAN over mail that hides what it carries lets nothing infected be OK", async (test) => {
  if (!await hasCorpus()) {
    await test.step({ name: "the corpus is not there", ignore: true, fn: () => {} });
    return;
  }
  const corpus = await Deno.realPath(CORPUS);
  await using directory = await temporaryDirectory();
  await Deno.mkdir(`${directory.path}/run`);
  await Deno.chmod(`${directory.path}/run`, 0o777);
  const socket = `${directory.path}/run/clamd.ctl`;
  await using gateway = await Gateway.start({
    agents: { clamd: { agent: "clamd", listen: `unix:${socket}`, directories: [corpus] } },
    policy: POLICY,
  });
  await until("the socket", () => Deno.stat(socket).then(() => true, () => false));
  const said = await talk(`unix:${socket}`, `zMULTISCAN ${corpus}/evasion\0`);
  const lines = new Map(
    said.split("\0").filter((line) => line !== "").map((line) => {
      const [, path, answer] = /^(.*?): (.*)$/s.exec(line) ?? [];
      return [path, answer] as const;
    }),
  );
  const missed: string[] = [];
  let entries = 0;
  for (const { file, expect, also = [] } of await manifest("evasion")) {
    entries++;
    const answer = lines.get(`${corpus}/${file}`) ?? lines.get(`${corpus}/evasion/${file}`);
    const word = answer === undefined
      ? "clean"
      : answer.endsWith(" ERROR")
      ? "notscanned"
      : answer.startsWith("Heuristics.")
      ? "suspicious"
      : "infected";
    if (expect === "infected" && word === "clean" && !also.includes("clean")) missed.push(file);
  }
  assert.ok(entries > 100 && lines.size > 50, `${lines.size} answers for ${entries} files`);
  assert.deepEqual(missed, [], gateway.log.slice(-2000));
});

peerTest(["clamdscan"], "clamdscan --reload reloads the gateway that lets it", async () => {
  await using gateway = await Gateway.start({
    agents: { clamd: { agent: "clamd", operations: ["reload", "shutdown"] } },
    policy: POLICY,
  });
  await using directory = await temporaryDirectory();
  const configuration = `${directory.path}/clamd.conf`;
  await Deno.writeTextFile(
    configuration,
    `TCPAddr 127.0.0.1\nTCPSocket ${gateway.port("clamd")}\n`,
  );
  const said = await run(await peer("clamdscan"), ["-c", configuration, "--reload"]);
  assert.equal(said.code, 0, said.stdout + said.stderr);
  await gateway.logged(/asks for reload[^]*reload/i);
  const address = `127.0.0.1:${gateway.port("clamd")}`;
  assert.equal(await talk(address, "nPING\n"), "PONG\n");
  assert.equal(await talk(address, "SHUTDOWN\n"), "");
  await gateway.logged(/Stopped/);
});

/** The chunks of one object. */
function stream(content: string): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(content.length);
  return Buffer.concat([head, Buffer.from(content), Buffer.alloc(4)]);
}

peerTest(["clamd"], "Postern answers as a real clamd does, octet by octet", async () => {
  await using at = await scene();
  await write(at.files, {
    "a-eicar.com": EICAR,
    "clean.txt": "clean",
    empty: "",
    "sub/eicar.com": EICAR,
    "fine/x": "clean",
  });
  await Deno.mkdir(`${at.directory}/clamd`);
  await using clamd = await startClamd(`${at.directory}/clamd`, {
    "Eicar-Test-Signature": Buffer.from(EICAR),
  });
  const { files } = at;
  const n = (command: string) => Buffer.from(`n${command}\n`);
  const z = (command: string) => Buffer.from(`z${command}\0`);
  const scripts: readonly (string | Uint8Array)[] = [
    "PING\n",
    "PING\r\n",
    n("PING"),
    z("PING"),
    n("PING x"),
    n("ping"),
    n(""),
    "\n",
    "FOO\n",
    n("FOO"),
    "STATS\n",
    "INSTREAM\n",
    "IDSESSION\n",
    n("END"),
    n("SCAN"),
    n("SCAN "),
    n("SCAN relative"),
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    Buffer.concat([n("INSTREAM"), stream(EICAR)]),
    Buffer.concat([z("INSTREAM"), stream("clean")]),
    Buffer.concat([z("INSTREAM"), Buffer.alloc(4)]),
    n(`SCAN ${files}/a-eicar.com`),
    z(`CONTSCAN ${files}/clean.txt`),
    `SCAN ${files}/a-eicar.com\n`,
    n(`SCAN ${files}/empty`),
    n(`SCAN ${files}/none`),
    n(`SCAN ${files}`),
    n(`CONTSCAN ${files}`),
    n(`MULTISCAN ${files}`),
    n(`CONTSCAN ${files}/fine`),
    Buffer.concat([z("IDSESSION"), z("PING"), z(`SCAN ${files}/a-eicar.com`), z("END")]),
    Buffer.concat([n("IDSESSION"), n("INSTREAM"), stream(EICAR), n("PING"), n("END")]),
    Buffer.concat([z("IDSESSION"), z(`SCAN ${files}/none`), z("PING"), z("END")]),
    Buffer.concat([z("IDSESSION"), z("IDSESSION"), z("PING")]),
    Buffer.concat([z("IDSESSION"), z("FOO"), z("PING")]),
    Buffer.concat([z("IDSESSION"), z(`CONTSCAN ${files}`), z("PING")]),
    Buffer.concat([z("IDSESSION"), n("PING"), z("PING"), z("END")]),
  ];
  // Replies of one session, and files of one directory, may come in any order.
  const parted = (text: string) => text.split(/(?<=[\n\0])/).sort();
  for (const script of scripts) {
    const theirs = (await talk(`unix:${clamd.socket}`, script)).replaceAll(".UNOFFICIAL", "");
    const ours = await talk(`unix:${at.socket}`, script);
    assert.deepEqual(parted(ours), parted(theirs), Buffer.from(script).toString("latin1"));
  }
  const long = Buffer.alloc(8);
  long.writeUInt32BE(2_000_000);
  const tooLong = Buffer.concat([z("INSTREAM"), long.subarray(0, 4)]);
  for (const socket of [clamd.socket, at.socket]) {
    assert.equal(await talk(`unix:${socket}`, tooLong), "INSTREAM size limit exceeded. ERROR\0");
  }
});

peerTest(["amavisd"], "amavisd-new asks Postern by its ClamAV-clamd entry", async () => {
  await using at = await scene();
  await using sink = ScriptedSink.start();
  await using amavis = await startAmavis({
    directory: at.directory,
    work: at.files,
    port: freePort(),
    nextHop: sink.port,
    scanner: { socket: at.socket },
  });
  const send = (message: Uint8Array) => sendMail(amavis.port, { ...ENVELOPE, message });
  const clean = await send(mail("amavis-clean@test"));
  assert.equal(clean.code, 250, `${clean.text}\n${amavis.log()}`);
  await until("the clean one", () => sink.messages.length === 1);
  for (const message of [infectedMail("amavis-bad@test"), zipped("amavis-zip@test")]) {
    const refused = await send(message);
    assert.equal(refused.code, 554, `${refused.text}\n${amavis.log()}`);
    assert.match(refused.text, /INFECTED: Eicar-Test-Signature/);
  }
  assert.equal(sink.messages.length, 1);
  await at.gateway.logged(/listener=unix .*reply=OK/);
});

peerTest(["exim4"], "Exim's malware condition asks Postern, by stream", async () => {
  await using at = await scene();
  await using sink = ScriptedSink.start();
  const port = freePort();
  const directory = `${at.directory}/mx`;
  await Deno.mkdir(directory);
  await using exim = await startExim({
    directory,
    port,
    main: [
      `av_scanner = clamd:127.0.0.1 ${at.port}`,
      "acl_smtp_data = check",
    ],
    acl: [
      "check:",
      "  deny malware = *",
      "       message = This message has $malware_name",
      "  accept",
    ],
    ...relayTo(sink.port),
  });
  const send = (message: Uint8Array) => sendMail(port, { ...ENVELOPE, message });
  const clean = await send(mail("exim-clean@test"));
  assert.equal(clean.code, 250, `${clean.text}\n${await exim.log()}`);
  for (const message of [infectedMail("exim-bad@test"), zipped("exim-zip@test")]) {
    const refused = await send(message);
    assert.equal(refused.code, 550, `${refused.text}\n${await exim.log()}`);
    assert.match(refused.text, /This message has Eicar-Test-Signature/);
  }
  // What could not be scanned is no answer: Exim defers.
  const locked = await send(
    makeSample("encrypted", { from: "a@sender.test", to: ["b@here.test"], token: "exim" }),
  );
  assert.equal(locked.code, 451, `${locked.text}\n${await exim.log()}`);
  await until("the clean one", () => sink.messages.length === 1, { more: () => at.gateway.log });
});

peerTest(["rspamd", "rspamc"], "Rspamd's antivirus module asks Postern", async () => {
  await using at = await scene();
  const directory = `${at.directory}/rspamd`;
  await Deno.mkdir(directory);
  await using rspamd = await startRspamd({
    directory,
    local: {
      "antivirus.conf": `
enabled = true;
postern {
  type = "clamav";
  symbol = "POSTERN_VIRUS";
  servers = "127.0.0.1:${at.port}";
  scan_mime_parts = false;
  action = "reject";
  log_clean = true;
}
`,
    },
  });
  const check = async (message: Uint8Array) => {
    const { code, stdout, stderr } = await run(
      await peer("rspamc"),
      ["-h", `127.0.0.1:${rspamd.port}`, "symbols"],
      { input: message },
    );
    assert.equal(code, 0, `${stdout}${stderr}${rspamd.log()}`);
    return stdout;
  };
  assert.doesNotMatch(await check(mail("rspamd-clean@test")), /POSTERN_VIRUS|Action: reject/);
  const bad = await check(infectedMail("rspamd-bad@test"));
  assert.match(bad, /Symbol: POSTERN_VIRUS \([\d.]+\)\[Eicar-Test-Signature\]/, rspamd.log());
  assert.match(bad, /Action: reject/);
  await at.gateway.logged(/listener=tcp .*status=infected/);
});

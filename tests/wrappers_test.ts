/** The programs that mail servers start, as a mail server starts them: arguments, environment, descriptors, exit statuses. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Gateway } from "./gateway.ts";
import { EICAR, infectedMail, mail } from "./mail.ts";
import { run } from "./peers/process.ts";
import { POSTERN } from "./program.ts";
import { temporaryDirectory } from "./temporary.ts";

const POLICY = {
  settings: {
    antivirus: { infected: "reject", notScanned: "defer" },
    antispam: { action: "accept" },
    marks: { header: ["clean", "infected"] },
  },
  rules: [
    { name: "late", when: { recipient: "late@here.test" }, then: { action: "defer" } },
    { name: "drop", when: { recipient: "drop@here.test" }, then: { action: "discard" } },
    {
      name: "known",
      when: { recipient: "known@here.test", not: { user: { present: true } } },
      then: { action: "reject" },
    },
  ],
};

/** One gateway with a socket for tools, and a directory for what the tests make. */
async function start() {
  const directory = await temporaryDirectory();
  const socket = `${directory.path}/run/tools.sock`;
  const gateway = await Gateway.start({
    agents: {},
    policy: POLICY,
    config: { tools: { socket: `unix:${socket}`, mode: "0666" } },
  });
  return {
    directory: directory.path,
    socket,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

const unix = (octets: Uint8Array) => Buffer.from(octets).toString().replaceAll("\r\n", "\n");

/** A program that writes down how it was run, and ends with a status. */
async function recorder(directory: string, name: string, status: number): Promise<string> {
  const path = `${directory}/${name}`;
  await Deno.writeTextFile(
    path,
    [
      "#!/bin/sh",
      `env >"${path}.env"; pwd >"${path}.pwd"`,
      `printf '%s\\n' "$0" "$@" >"${path}.args"`,
      `cat >"${path}.stdin"`,
      `exit ${status}`,
      "",
    ].join("\n"),
    { mode: 0o755 },
  );
  return path;
}

interface Call {
  readonly args: readonly string[];
  readonly stdin: Uint8Array | string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly program?: string;
}

async function call({ args, stdin, env = {}, cwd, program = POSTERN }: Call) {
  return await run(program, args, {
    input: stdin,
    environment: { PATH: Deno.env.get("PATH") ?? "", POSTERN_DENO: Deno.execPath(), ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
}

Deno.test("mda runs the real agent with the same arguments, environment, directory and status", async () => {
  await using at = await start();
  const program = await recorder(at.directory, "agent", 42);
  const env = {
    POSTERN_SOCKET: at.socket,
    SENDER: "a@sender.test",
    RECIPIENT: "b@here.test",
    HOME: "/nonexistent",
  };
  const message = unix(mail("mda-1"));
  const { code, stdout, stderr } = await call({
    args: ["mda", "--", program, "-d", "user name", "-a", ""],
    stdin: message,
    env,
    cwd: "/",
  });
  assert.equal(code, 42, stderr);
  assert.equal(stdout, "");
  const read = (what: string) => Deno.readTextFile(`${program}.${what}`);
  assert.equal(await read("args"), `${program}\n-d\nuser name\n-a\n\n`);
  assert.equal((await read("pwd")).trim(), "/");
  const got = new Map(
    (await read("env")).trim().split("\n").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
  for (const [name, value] of Object.entries(env)) assert.equal(got.get(name), value, name);
  assert.deepEqual(
    [...got.keys()].filter((name) => /POSTERN|DENO|MALLOC/.test(name)).sort(),
    ["POSTERN_DENO", "POSTERN_SOCKET"],
  );
  assert.equal(await read("stdin"), `X-Postern-Status: clean\n${message}`);
});

Deno.test("mda refuses, defers and drops by the statuses of who runs it, and runs nothing then", async () => {
  await using at = await start();
  const program = await recorder(at.directory, "agent", 0);
  const clean = unix(mail("mda-2"));
  const infected = unix(infectedMail("mda-3"));
  const rows: [string, readonly string[], string, number][] = [
    ["infected", ["-r", "b@here.test"], infected, 77],
    ["infected, qmail", ["-r", "b@here.test", "--mode", "qmail"], infected, 100],
    ["deferred", ["-r", "late@here.test"], clean, 75],
    ["deferred, qmail", ["-r", "late@here.test", "--mode", "qmail"], clean, 111],
    ["dropped", ["-r", "drop@here.test"], clean, 0],
    ["dropped, qmail", ["-r", "drop@here.test", "--mode", "qmail"], clean, 99],
    ["own status", ["-r", "b@here.test", "--exit-reject", "69"], infected, 69],
    ["nobody", [], clean, 75],
    ["too large", ["-r", "b@here.test", "--max-size", "10B"], clean, 75],
  ];
  await Promise.all(rows.map(async ([name, args, stdin, status]) => {
    const line = ["mda", "--socket", at.socket, ...args, "--", program];
    const { code, stderr } = await call({ args: line, stdin });
    assert.equal(code, status, `${name}: ${stderr}`);
  }));
  await assert.rejects(Deno.stat(`${program}.args`), Deno.errors.NotFound);
  const missing = ["mda", "--socket", at.socket, "-r", "b@here.test", "--", "/nonexistent/agent"];
  assert.equal((await call({ args: missing, stdin: clean })).code, 75);
  const elsewhere = ["mda", "--socket", `${at.directory}/none`, "-r", "b@here.test", "--", program];
  assert.equal((await call({ args: elsewhere, stdin: clean })).code, 75);
});

Deno.test("mda and pipe defer what the runtime cannot hand on as it came", async () => {
  await using at = await start();
  const program = await recorder(at.directory, "agent", 0);
  const rows: [string, string, RegExp][] = [
    ["a variable", `SENDER=$(printf 'j\\344r@s.test') exec "$@"`, /\$SENDER is not UTF-8/],
    ["an argument", `exec "$@" "$(printf 'j\\344r')"`, /argument is not UTF-8/],
  ];
  const lines = {
    mda: [POSTERN, "mda", "-r", "b@here.test", "--", program],
    pipe: [POSTERN, "pipe", "--", "b@here.test"],
  };
  for (const [name, line] of Object.entries(lines)) {
    for (const [what, script, says] of rows) {
      const { code, stdout, stderr } = await call({
        program: "/bin/sh",
        args: ["-c", script, "sh", ...line],
        stdin: unix(mail("mda-6")),
        env: { POSTERN_SOCKET: at.socket },
      });
      assert.deepEqual([code, stdout], [75, ""], `${name}, ${what}: ${stderr}`);
      assert.match(stderr, says);
    }
  }
  await assert.rejects(Deno.stat(`${program}.args`), Deno.errors.NotFound);
  // Others are not handed on: the program runs without them.
  const { code, stderr } = await call({
    program: "/bin/sh",
    args: ["-c", `OTHER=$(printf '\\344') exec "$@"`, "sh", ...lines.mda],
    stdin: unix(mail("mda-6")),
    env: { POSTERN_SOCKET: at.socket },
  });
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(await Deno.readTextFile(`${program}.env`), /OTHER/);
});

Deno.test("mda keeps the From line of a mailbox first", async () => {
  await using at = await start();
  const program = await recorder(at.directory, "agent", 0);
  const message = `From a@sender.test  Sun Mar  1 10:00:00 2026\n${unix(mail("mda-4"))}`;
  const args = ["mda", "--socket", at.socket, "-r", "b@here.test", "--", program];
  assert.equal((await call({ args, stdin: message })).code, 0);
  const got = await Deno.readTextFile(`${program}.stdin`);
  const [from = "", ...rest] = message.split("\n");
  assert.equal(got, `${from}\nX-Postern-Status: clean\n${rest.join("\n")}`);
});

Deno.test("esets_mda takes the classic order of arguments", async () => {
  await using at = await start();
  const program = await recorder(at.directory, "agent", 3);
  const link = `${at.directory}/esets_mda`;
  await Deno.symlink(POSTERN, link);
  const { code, stderr } = await call({
    program: link,
    args: ["-d", "user", "--", "--sender=a@sender.test", "--recipient=b@here.test"],
    env: { POSTERN_SOCKET: at.socket, POSTERN_MDA: program },
    stdin: unix(mail("mda-5")),
  });
  assert.equal(code, 3, stderr);
  assert.equal(await Deno.readTextFile(`${program}.args`), `${program}\n-d\nuser\n`);
});

/** Runs a command with a message on descriptor 0, an envelope on 1 and, unless not wanted, a pipe on 6 that is read. */
async function queueCall(
  args: readonly string[],
  stdin: Uint8Array | string,
  envelope: string,
  at: { directory: string; socket: string },
  { why = true, env = {} }: { why?: boolean; env?: Readonly<Record<string, string>> } = {},
) {
  const name = `${at.directory}/${crypto.randomUUID()}`;
  await Deno.writeTextFile(`${name}.envelope`, envelope);
  const six = why ? "6>&1" : "6>&-";
  const script =
    `{ "$@" ${six} 1<"${name}.envelope"; echo $? >"${name}.status"; } | cat >"${name}.why"`;
  const { stdout, stderr } = await call({
    program: "/bin/sh",
    args: ["-c", script, "sh", ...args],
    stdin,
    env: { POSTERN_SOCKET: at.socket, ...env },
  });
  return {
    status: Number(await Deno.readTextFile(`${name}.status`)),
    why: await Deno.readTextFile(`${name}.why`),
    said: stdout + stderr,
  };
}

Deno.test("qmail-queue gets message and envelope as they came, or nothing", async () => {
  await using at = await start();
  const real = `${at.directory}/qmail-queue.real`;
  await Deno.writeTextFile(
    real,
    `#!/bin/sh\ncat >"${real}.message"\ncat <&1 >"${real}.envelope"\nexit 0\n`,
    { mode: 0o755 },
  );
  const line = [POSTERN, "qmail-queue", "--", real];
  const envelope = "Fa@sender.test\0Tb@here.test\0Tc@here.test\0\0";
  const message = unix(mail("qmail-1"));
  const queued = await queueCall(line, message, envelope, at);
  assert.deepEqual([queued.status, queued.why, queued.said], [0, "", ""]);
  assert.equal(await Deno.readTextFile(`${real}.envelope`), envelope);
  assert.equal(await Deno.readTextFile(`${real}.message`), `X-Postern-Status: clean\n${message}`);

  await Deno.remove(`${real}.message`);
  const refused = await queueCall(line, unix(infectedMail("qmail-2")), envelope, at);
  assert.equal(refused.status, 82);
  assert.match(refused.why, /^D5\d\d /);
  assert.equal(refused.said, "");
  const late = await queueCall(line, message, "Fa@sender.test\0Tlate@here.test\0\0", at);
  assert.equal(late.status, 82);
  assert.match(late.why, /^Z4\d\d /);
  const unsaid = await queueCall(line, unix(infectedMail("qmail-2")), envelope, at, {
    why: false,
  });
  assert.deepEqual([unsaid.status, unsaid.why], [31, ""]);
  const dropped = await queueCall(line, message, "Fa@sender.test\0Tdrop@here.test\0\0", at);
  assert.deepEqual([dropped.status, dropped.said], [0, ""]);
  for (
    const [broken, status] of [
      ["", 54],
      ["Fa@sender.test\0Tb@here.test\0", 54],
      ["Fa@sender.test\0Xb@here.test\0\0", 91],
      [`F${"a".repeat(1100)}\0Tb@here.test\0\0`, 11],
    ] as const
  ) {
    assert.equal((await queueCall(line, message, broken, at)).status, status, broken.slice(0, 20));
  }
  const alone = await queueCall(line, message, envelope, {
    ...at,
    socket: `${at.directory}/none`,
  });
  assert.deepEqual([alone.status, alone.said], [71, ""]);
  await assert.rejects(Deno.stat(`${real}.message`), Deno.errors.NotFound);
});

Deno.test("qmail-queue takes nobody for logged in but by the variable that is named", async () => {
  await using at = await start();
  const envelope = "Fa@sender.test\0Tknown@here.test\0\0";
  const env = { TCPREMOTEIP: "192.0.2.7", TCPREMOTEINFO: "root", LOGIN: "joe" };
  const rows: [readonly string[], number][] = [
    [[], 31],
    [["--user-from", "NONE"], 31],
    [["--user-from", "LOGIN"], 0],
    [["--user-from", "TCPREMOTEINFO"], 0],
  ];
  for (const [options, status] of rows) {
    const line = [POSTERN, "qmail-queue", ...options, "--", "/bin/true"];
    const ended = await queueCall(line, unix(mail("q-user")), envelope, at, { why: false, env });
    assert.deepEqual([ended.status, ended.said], [status, ""], options.join(" "));
  }
});

Deno.test("the CommuniGate Pro helper answers requests as they are done, and holds what is deferred", async () => {
  await using at = await start();
  const file = async (name: string, recipients: readonly string[], message: Uint8Array) => {
    const lines = [
      "S <user@here.test> SMTP [192.0.2.7]",
      "A here.test [127.0.0.1]",
      "O L",
      "P I 01-03-2026 10:00:00 0000 ____ _FY_ <a@sender.test>",
      ...recipients.map((each) => `R W 01-03-2026 10:00:00 0000 ____ _FY_ <${each}>`),
      "",
      "",
    ];
    await Deno.writeTextFile(`${at.directory}/${name}`, lines.join("\n") + unix(message));
  };
  await file("1.msg", ["b@here.test", "c@here.test"], mail("cgp-1"));
  await file("2.msg", ["b@here.test"], infectedMail("cgp-2"));
  await file("3.msg", ["late@here.test"], mail("cgp-3"));
  await file("4.msg", ["drop@here.test"], mail("cgp-4"));
  const requests = [
    "1 INTF 4",
    "2 KEY abcdef",
    "3 FILE 1.msg",
    "4 FILE 2.msg",
    "5 FILE 3.msg",
    "6 FILE 4.msg",
    "7 FILE none.msg",
    "8 FROB x",
    "no request",
    "9 QUIT",
    "",
  ];
  const serve = async (args: readonly string[], lines: readonly string[]) => {
    const { code, stdout, stderr } = await call({
      args: ["cgp", "--socket", at.socket, ...args],
      stdin: lines.join("\n"),
      cwd: at.directory,
    });
    assert.equal(code, 0, stderr);
    return stdout.trim().split("\n");
  };
  const held = await serve([], requests);
  assert.ok(held.includes("1 INTF 4") && held.includes("2 OK") && held.includes("9 OK"));
  assert.ok(held.includes('3 ADDHEADER "X-Postern-Status: clean" OK'), held.join("\n"));
  assert.ok(held.some((line) => /^4 ERROR 5\d\d /.test(line)));
  assert.ok(held.includes("6 DISCARD"));
  assert.ok(held.includes("8 ERROR unknown command FROB"));
  assert.equal(held.filter((line) => /^[57] /.test(line)).length, 0);
  assert.ok(held.some((line) => /^\* request 5 is held: 4\d\d /.test(line)));
  assert.ok(held.some((line) => /^\* request 7 is held: cannot read none\.msg/.test(line)));

  const older = await serve(["--refused", "REJECTED", "--deferred", "failure"], [
    "1 INTF 3",
    "3 FILE 1.msg",
    "4 FILE 2.msg",
    "5 FILE 3.msg",
    "",
  ]);
  assert.ok(older.includes("1 INTF 3"));
  assert.ok(older.includes('3 ADDHEADER "X-Postern-Status: clean"'));
  assert.ok(older.some((line) => /^4 REJECTED 5\d\d /.test(line)));
  assert.ok(older.some((line) => /^5 FAILURE 4\d\d /.test(line)));
});

Deno.test("ZMailer's content filter says when it is hungry and answers by SMTP replies", async () => {
  await using at = await start();
  const file = async (name: string, recipient: string, message: Uint8Array) => {
    const lines = [
      "external",
      "rcvdfrom client.test ([192.0.2.7]:1234)",
      "with ESMTP",
      "from <a@sender.test>",
      `to <${recipient}>`,
      "env-end",
      "",
    ];
    await Deno.writeTextFile(`${at.directory}/${name}`, lines.join("\n") + unix(message));
  };
  await file("1", "b@here.test", mail("z-1"));
  await file("2", "b@here.test", infectedMail("z-2"));
  await file("3", "late@here.test", mail("z-3"));
  await file("4", "drop@here.test", mail("z-4"));
  const link = `${at.directory}/esets_zmfi`;
  await Deno.symlink(POSTERN, link);
  const { code, stdout } = await call({
    program: link,
    args: [],
    stdin: "1\n2\n3\n4\nnone\n",
    cwd: at.directory,
    env: { POSTERN_SOCKET: at.socket },
  });
  assert.equal(code, 0);
  const lines = stdout.trim().split("\n");
  assert.deepEqual(lines.filter((_, i) => i % 2 === 0), Array(6).fill("#hungry"));
  const answers = lines.filter((_, i) => i % 2 === 1);
  assert.match(answers[0]!, /^0 250 2\.0\.0 /);
  assert.match(answers[1]!, /^-1 5\d\d 5\.7\.\d /);
  assert.match(answers[2]!, /^-1 4\d\d 4\.7\.\d /);
  assert.match(answers[3]!, /^1 250 /);
  assert.match(answers[4]!, /^-1 451 4\.3\.0 /);
});

Deno.test("esets_cli answers as its callers' parsers read it", async () => {
  await using at = await start();
  const parts = `${at.directory}/parts`;
  await Deno.mkdir(`${parts}/below`, { recursive: true });
  await Deno.writeTextFile(`${parts}/p001`, "nothing");
  await Deno.writeTextFile(`${parts}/below/p002`, EICAR);
  const link = `${at.directory}/esets_cli`;
  await Deno.symlink(POSTERN, link);
  const ask = (...args: string[]) =>
    call({ program: link, args, stdin: "", env: { POSTERN_SOCKET: at.socket, LANG: "C" } });
  // amavis, entry "ESET Software ESETS Command Line Interface".
  const amavis = await ask("--subdir", parts);
  assert.equal(amavis.code, 2);
  const name = /:\s*action="(?!accepted)[^"]*"\n.*:\s*virus="([^"]*)"/m.exec(amavis.stdout)?.[1];
  assert.match(name ?? "", /eicar/i);
  assert.equal((await ask(parts)).code, 0);
  // haraka-plugin-esets.
  const haraka = await ask(`${parts}/below/p002`);
  assert.equal(haraka.code, 2);
  assert.match(/virus="([^"]+)"/.exec(haraka.stdout)?.[1] ?? "", /eicar/i);
  // MailScanner: options of long ago, and a line that is split at commas.
  const scanner = await ask("--arch", "--subdir", "--action", "none", "--clean-mode=NONE", parts);
  assert.equal(scanner.code, 2);
  const line = scanner.stdout.split("\n").find((each) => /threat/i.test(each)) ?? "";
  const fields = line.split(",").map((field) => /"([^"]*)"/.exec(field)?.[1]);
  assert.equal(fields[0], `${parts}/below/p002`);
  assert.match(fields[1] ?? "", /eicar/i);
  assert.match((await ask("--version")).stdout, /^esets_cli /);
  assert.equal((await ask("--subdir")).code, 1);
});

Deno.test("the tools' socket scans and decides for any user, and does nothing else", async () => {
  await using at = await start();
  assert.equal((await Deno.stat(at.socket)).mode! & 0o777, 0o666);
  const { ControlClient } = await import("../daemon/control/client.ts");
  const client = await ControlClient.connect(at.socket);
  try {
    for (const op of ["status", "stop", "reload", "quarantine.list", "messages", "store.check"]) {
      await assert.rejects(client.call(op), { code: "command/usage", message: /tools' socket/ });
    }
    const envelope = { sender: "", recipients: ["b@here.test"] };
    await assert.rejects(
      client.call("process", { agent: "smtp", listener: "x", envelope }, mail("t")),
      { code: "command/usage", message: /pipe, mda, cgp/ },
    );
    const { result } = await client.call(
      "process",
      { agent: "pipe", listener: "x", envelope, nextHop: "smtp://192.0.2.1:25" },
      mail("t-2"),
    );
    assert.equal((result as { action: string }).action, "accept");
  } finally {
    client.close();
  }
});

Deno.test("who holds connections to the tools' socket and asks for nothing keeps nobody out", async () => {
  await using at = await start();
  const held: Deno.Conn[] = [];
  try {
    for (let i = 0; i < 510; i++) {
      held.push(await Deno.connect({ transport: "unix", path: at.socket }));
    }
    const args = ["pipe", "--max-time", "20s", "--socket", at.socket, "b@here.test"];
    const { code, stderr } = await call({ args, stdin: unix(mail("pipe-held")) });
    assert.equal(code, 0, stderr);
  } finally {
    for (const connection of held) connection.close();
  }
});
